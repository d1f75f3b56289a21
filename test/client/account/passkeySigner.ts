import { readFileSync } from "node:fs";

import { p256 } from "@noble/curves/nist.js";
import type {
  Provider,
  Signer,
  TransactionRequest,
  TransactionResponse,
  TypedDataDomain,
  TypedDataField,
} from "ethers";
import {
  AbiCoder,
  AbstractSigner,
  Contract,
  ContractFactory,
  TypedDataEncoder,
  concat,
  hexlify,
  randomBytes,
  sha256,
  toUtf8Bytes,
  toBeHex,
} from "ethers";

import { readArtifact } from "../../../src/deployment/readArtifact.ts";
import { fromHex } from "../../../src/protocol/bytes.ts";

/** As published by whoever runs ERC-4337's contracts. */
const ENTRY_POINT = JSON.parse(
  readFileSync(new URL(import.meta.resolve("@account-abstraction/contracts/artifacts/EntryPoint.json")), "utf8"),
) as { abi: []; bytecode: string };
/** ERC-7821: a batch of calls, all or none. */
const BATCH = `0x01${"00".repeat(31)}`;
/** r, s, where challenge and type are in the client's data, the authenticator's data, the client's. */
const ASSERTION = ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"];
const GAS = 2_000_000n;
const WEI_PER_GAS = 10n ** 10n;

const coder = AbiCoder.defaultAbiCoder();
const halves = (high: bigint, low: bigint) => concat([toBeHex(high, 16), toBeHex(low, 16)]);

/** ERC-4337's EntryPoint on this chain. */
export async function deployEntryPoint(deployer: Signer): Promise<Contract> {
  const contract = await new ContractFactory(ENTRY_POINT.abi, ENTRY_POINT.bytecode, deployer).deploy();
  await contract.waitForDeployment();
  return new Contract(await contract.getAddress(), ENTRY_POINT.abi, deployer);
}

/**
 * What a passkey wallet's SDK gives an app: signatures are a passkey's assertions, and transactions go through the EntryPoint in a
 * bundle that somebody else sends.
 */
export class PasskeySigner extends AbstractSigner {
  readonly #key: Uint8Array;
  readonly #address: string;
  readonly #entryPoint: Contract;

  private constructor(key: Uint8Array, address: string, entryPoint: Contract, provider: Provider) {
    super(provider);
    this.#key = key;
    this.#address = address;
    this.#entryPoint = entryPoint;
  }

  /** Deploys the account of a new passkey; the bundler pays for its gas ahead. */
  static async create(entryPoint: Contract, bundler: Signer): Promise<PasskeySigner> {
    const key = p256.utils.randomSecretKey();
    const { x, y } = p256.Point.fromBytes(p256.getPublicKey(key)).toAffine();
    const { abi, bytecode } = readArtifact("test/support/PasskeyAccount.sol");
    const factory = new ContractFactory(abi, bytecode, bundler);
    const account = await factory.deploy(await entryPoint.getAddress(), toBeHex(x, 32), toBeHex(y, 32));
    await account.waitForDeployment();
    const address = await account.getAddress();
    await (await entryPoint.getFunction("depositTo")(address, { value: 10n ** 18n })).wait();
    return new PasskeySigner(key, address, entryPoint, bundler.provider!);
  }

  override async getAddress(): Promise<string> {
    return this.#address;
  }

  override async signTypedData(
    domain: TypedDataDomain,
    types: Record<string, TypedDataField[]>,
    value: Record<string, unknown>,
  ): Promise<string> {
    return this.#assert(TypedDataEncoder.hash(domain, types, value));
  }

  override async sendTransaction({ to, data, value }: TransactionRequest): Promise<TransactionResponse> {
    const calls = coder.encode(["tuple(address, uint256, bytes)[]"], [[[to, value ?? 0n, data ?? "0x"]]]);
    const { abi } = readArtifact("test/support/PasskeyAccount.sol");
    const account = new Contract(this.#address, abi);
    const operation = {
      sender: this.#address,
      nonce: (await this.#entryPoint.getFunction("getNonce")(this.#address, 0n)) as bigint,
      initCode: "0x",
      callData: account.interface.encodeFunctionData("execute", [BATCH, calls]),
      accountGasLimits: halves(GAS, GAS),
      preVerificationGas: GAS,
      gasFees: halves(WEI_PER_GAS, WEI_PER_GAS),
      paymasterAndData: "0x",
      signature: "0x",
    };
    const digest = (await this.#entryPoint.getFunction("getUserOpHash")(operation)) as string;
    const bundle = [{ ...operation, signature: this.#assert(digest) }];
    const beneficiary = await (this.#entryPoint.runner as Signer).getAddress();
    return await this.#entryPoint.getFunction("handleOps").send(bundle, beneficiary, {
      gasLimit: 5n * GAS,
    });
  }

  /** A WebAuthn assertion over 32 bytes, as an authenticator makes it: somebody was there, and was verified. */
  #assert(challenge: string): string {
    const origin = "https://wallet.example";
    const encoded = Buffer.from(fromHex(challenge)).toString("base64url");
    const client = `{"type":"webauthn.get","challenge":"${encoded}","origin":"${origin}","crossOrigin":false}`;
    const authenticator = concat([sha256(toUtf8Bytes("wallet.example")), "0x05", hexlify(randomBytes(4))]);
    const signed = sha256(concat([authenticator, sha256(toUtf8Bytes(client))]));
    const { r, s } = p256.Signature.fromBytes(p256.sign(fromHex(signed), this.#key, { prehash: false, lowS: true }));
    const [type, at] = [client.indexOf('"type"'), client.indexOf('"challenge"')];
    return coder.encode(ASSERTION, [toBeHex(r, 32), toBeHex(s, 32), at, type, authenticator, client]);
  }

  override connect(): Signer {
    throw new Error("not asked for here");
  }
  override async signTransaction(): Promise<string> {
    throw new Error("a smart account signs no transaction");
  }
  override async signMessage(): Promise<string> {
    throw new Error("not asked for here");
  }
}
