import { clone, fromBinary, toBinary } from "@bufbuild/protobuf";
import { p256 } from "@noble/curves/nist.js";
import { expect } from "chai";
import { Contract, ContractFactory } from "ethers";

import type { IdentifierKind, IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { concatBytes, fromHex, uintToBytes } from "../../src/protocol/bytes.ts";
import type { ActionPlan, Actor } from "../support/identityActors.ts";
import { vectorUpdates } from "../support/vectors.ts";
import {
  NOON,
  identityEnvelope,
  identityUpdate,
  inboxOf,
  installation,
  memberOf,
  passkey,
  smartAccount,
  wallet,
} from "../support/identityActors.ts";
import type { World } from "./fixtures.ts";
import { deployedWorld } from "./fixtures.ts";
import { compareIdentity, flipBits, vectorsWithAccount } from "./identityCompare.ts";
import { deployAccounts, sequence, verdict } from "./identityWorld.ts";

const SECOND = 1_000_000_000n;

/** A plan's envelope, with what a test changes in the update after it was signed. */
function envelopeOf(inboxId: string, plans: ActionPlan[], change: (update: IdentityUpdate) => void = () => {}) {
  const update = identityUpdate(inboxId, plans);
  change(update);
  return identityEnvelope(update);
}

describe("contracts/identity: what real clients sign", () => {
  let world: World;
  const chainBlock = async () => BigInt(await world.ethers.provider.getBlockNumber());

  beforeEach(async () => {
    world = await deployedWorld();
  });

  it("takes every update that real clients published, in order (39)", async () => {
    const { identityRegistry } = world;
    const { account, updates } = await vectorsWithAccount(world);
    const shape = ({ actions }: IdentityUpdate) =>
      actions.map(({ kind }) => [kind.case, Object.keys(kind.value!).sort()]);
    expect(shape(updates[0]!)).to.deep.equal(shape(vectorUpdates()[0]!));
    for (const [index, update] of updates.entries()) {
      const envelope = identityEnvelope(update);
      await expect(identityRegistry.addIdentityUpdate(`0x${update.inboxId}`, envelope))
        .to.emit(identityRegistry, "IdentityUpdateCreated")
        .withArgs(`0x${update.inboxId}`, envelope, index + 1);
    }
    const [logA, logB] = [vectorUpdates()[3]!.inboxId, vectorUpdates()[6]!.inboxId];
    expect(await identityRegistry.installationCount(`0x${logA}`)).to.equal(1n);
    expect((await identityRegistry.logOf(`0x${logA}`)).count).to.equal(3n);
    const linked = { kind: 1, key: `0x${"3eaab092d6fb9695bb3c38111cd0c06862676d26".padStart(64, "0")}` };
    expect(await identityRegistry.inboxOf(linked)).to.equal(`0x${logB}`);
    expect(await identityRegistry.isMember(`0x${inboxOf(account)}`, memberOf(installation(1)))).to.equal(true);
  });

  it("refuses a copy with any bit changed, or nothing that was signed changed, and then the original enters (40a)", async function () {
    this.timeout(240_000);
    const { updates } = await vectorsWithAccount(world);
    let flips = 0;
    let harmless = 0;
    for (const [offset, update] of updates.entries()) {
      // Every one in the campaign: `npm run campaign:identity -- --bits`.
      const counted = await flipBits(world, update, { step: 97, offset });
      flips += counted.flips;
      harmless += counted.harmless;
      expect(await verdict(world, update.inboxId, identityEnvelope(update))).to.equal("taken");
      await sequence(world, update.inboxId, identityEnvelope(update));
    }
    expect(flips).to.be.greaterThan(300);
    // Thirty bits below a second and the lower bits of a block number.
    expect(harmless).to.be.lessThan(flips / 20);
  });

  it("answers the same update again with its sequence id, also as a copy with another part of its second", async () => {
    const update = vectorUpdates()[1]!;
    await sequence(world, update.inboxId, identityEnvelope(update));
    const copy = clone(IdentityUpdateSchema, update);
    copy.clientTimestampNs += 1n;
    for (const again of [update, copy]) {
      expect(await verdict(world, update.inboxId, identityEnvelope(again))).to.equal(
        "IdentityRegistryAlreadySequenced(1)",
      );
    }
  });

  it("names what is wrong with an update", async () => {
    const [owner, other, app, key] = [wallet(1), wallet(2), installation(1), passkey(1)];
    const inboxId = inboxOf(owner);
    const register: ActionPlan[] = [
      { do: "create", owner },
      { do: "add", member: app, signer: owner },
    ];
    const spoil = (change: (update: IdentityUpdate) => void) => envelopeOf(inboxId, register, change);
    const created = (update: IdentityUpdate) => {
      const kind = update.actions[0]!.kind;
      if (kind.case !== "createInbox") throw new Error("the first action creates");
      return kind.value;
    };
    const signed = (actor: Actor, change: (raw: Uint8Array) => void) =>
      envelopeOf(inboxOf(actor), [{ do: "create", owner: actor }], (update) => {
        const { signature } = created(update).initialIdentifierSignature!;
        if (signature.case === "erc191") change(signature.value.bytes);
        if (signature.case === "passkey") change(signature.value.signature);
      });
    const cases: [string, string, Uint8Array, RegExp][] = [
      ["an envelope for another inbox", inboxOf(other), spoil(() => {}), /^IdentityVerifierOtherInbox/],
      ["an update that names another inbox", inboxId, renamed(register), /^IdentityVerifierOtherInbox/],
      ["a nonce that gives another id", inboxId, spoil((u) => (created(u).nonce = 2n)), /^IdentityVerifierInboxId/],
      ["no action", inboxId, envelopeOf(inboxId, []), /^IdentityVerifierActionCount\(0, 64\)/],
      [
        "65 actions",
        inboxId,
        envelopeOf(inboxId, [], (u) => {
          u.actions = Array.from({ length: 65 }, () => identityUpdate(inboxId, register.slice(0, 1)).actions[0]!);
        }),
        /^IdentityVerifierActionCount\(65, 64\)/,
      ],
      ["a time past 2^63", inboxId, spoil((u) => (u.clientTimestampNs = 2n ** 63n)), /^IdentityVerifierTime/],
      [
        "an uppercase address",
        inboxId,
        spoil((u) => (created(u).initialIdentifier = `0x${owner.identifier.slice(2).toUpperCase()}`)),
        /^IdentityVerifierIdentifier/,
      ],
      [
        "a kind of its own",
        inboxId,
        spoil((u) => (created(u).initialIdentifierKind = 3 as IdentifierKind)),
        /^IdentityVerifierIdentifier/,
      ],
      ["no kind", inboxId, spoil((u) => (created(u).initialIdentifierKind = 0)), /^IdentityVerifierIdentifier/],
      ["a relying party", inboxId, spoil((u) => (created(u).relyingParty = "me")), /^CanonicalProtoFlaw\(3\)/],
      [
        "no signature",
        inboxId,
        spoil((u) => (created(u).initialIdentifierSignature = undefined)),
        /^CanonicalProtoFlaw\(4\)/,
      ],
      ["v of 0", inboxOf(owner), signed(owner, (raw) => (raw[64]! -= 27)), /^IdentityVerifierWalletSignature/],
      ["the other s", inboxOf(owner), signed(owner, flipS), /^IdentityVerifierWalletSignature/],
      ["r of 0", inboxOf(owner), signed(owner, (raw) => raw.fill(0, 0, 32)), /^IdentityVerifierWalletSignature/],
      [
        "another wallet's signature",
        inboxId,
        envelopeOf(inboxId, [{ do: "create", owner, signer: other }]),
        /^IdentityRegistryNotTheSubject/,
      ],
      [
        "a passkey that signed something else",
        inboxOf(key),
        signed(key, (der) => (der[40]! ^= 1)),
        /^IdentityVerifierPasskeySignature/,
      ],
      [
        "a legacy signature",
        inboxId,
        spoil((u) => {
          const value = { delegatedKey: new Uint8Array(3), signature: { bytes: new Uint8Array(65) } };
          created(u).initialIdentifierSignature!.signature = {
            case: "delegatedErc191",
            value: {
              $typeName: "xmtp.identity.associations.LegacyDelegatedSignature",
              delegatedKey: value.delegatedKey,
            },
          };
        }),
        /^IdentityVerifierLegacySignature/,
      ],
    ];
    for (const [what, inbox, envelope, words] of cases) {
      expect(await verdict(world, inbox, envelope), what).to.match(words);
    }
    expect(
      await verdict(
        world,
        inboxId,
        spoil(() => {}),
      ),
    ).to.equal("taken");

    function renamed(plans: ActionPlan[]): Uint8Array {
      const update = identityUpdate(inboxId, plans);
      const envelope = fromBinary(ClientEnvelopeSchema, identityEnvelope(update));
      if (envelope.payload.case === "identityUpdate") envelope.payload.value.inboxId = inboxOf(other);
      return toBinary(ClientEnvelopeSchema, envelope);
    }
    function flipS(raw: Uint8Array): void {
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const s = BigInt(`0x${Buffer.from(raw.subarray(32, 64)).toString("hex")}`);
      raw.set(uintToBytes(order - s, 32), 32);
      raw[64]! ^= 7;
    }
  });

  it("takes messages in their canonical form only", async () => {
    const update = vectorUpdates()[1]!;
    const good = identityEnvelope(update);
    const { inboxId } = update;
    const bytes = toBinary(IdentityUpdateSchema, update);
    // aad, then the update: tag 0x2a and its length in two bytes.
    const aad = good.subarray(0, good.length - bytes.length - 3);
    const around = (inner: Uint8Array) =>
      concatBytes(aad, Uint8Array.of(0x2a, (inner.length & 0x7f) | 0x80, inner.length >> 7), inner);
    expect(around(bytes)).to.deep.equal(good);
    const malformed: [string, Uint8Array][] = [
      ["an unknown field after", concatBytes(good, Uint8Array.of(0x38, 1))],
      ["an unknown field inside", around(concatBytes(bytes, Uint8Array.of(0x38, 1)))],
      ["a field twice", around(concatBytes(bytes, bytes.subarray(-66)))],
      ["fields out of order", around(concatBytes(bytes.subarray(-66), bytes.subarray(0, -66)))],
      [
        "a length of too many bytes",
        concatBytes(aad, Uint8Array.of(0x2a, (bytes.length & 0x7f) | 0x80, (bytes.length >> 7) | 0x80, 0), bytes),
      ],
      ["a length past the end", concatBytes(aad, Uint8Array.of(0x2a, 0xff, 0x7f), bytes)],
      ["a group", concatBytes(Uint8Array.of(0x0b, 0x0c), good)],
      ["an empty string", around(concatBytes(bytes.subarray(0, -66), Uint8Array.of(0x1a, 0)))],
    ];
    for (const [what, envelope] of malformed) {
      expect(await verdict(world, inboxId, envelope), what).to.match(
        /^CanonicalProtoFlaw|^IdentityVerifier(OtherInbox|ActionCount)/,
      );
    }
    for (let length = 78; length < good.length; length++) {
      expect(await verdict(world, inboxId, good.subarray(0, length)), `cut at ${length}`).to.match(
        /^CanonicalProtoFlaw/,
      );
    }
  });

  it("takes passkeys in both forms and either half of s, and nothing malformed (42)", async function () {
    this.timeout(240_000);
    for (const hardfork of ["prague", "osaka"]) {
      // P-256 is a precompile from osaka on.
      const chain = await deployedWorld({}, hardfork);
      const rests: [string, boolean][] = [
        [`"https://a.example"}`, true],
        [`"https:\\/\\/a.example","crossOrigin":true,"topOrigin":"x"}`, true],
        [`"a","crossOrigin":false,"other_keys_can_be_added_here":"do not compare \\"it\\""}`, true],
        [`"a","origin":"b"}`, false],
        [`"a","challenge":"b"}`, false],
        [`"a","type":"b"}`, false],
        [`"a","n":1}`, false],
        [`"a","n":{}}`, false],
        [`"a","n":null}`, false],
        [`"a\\u0041"}`, false],
        [`"ä"}`, false],
        [`"a",}`, false],
        [`"a"`, false],
        [`"a"} `, false],
        [`"a"}}`, false],
        [`a}`, false],
        [`"a","\\n":"b"}`, false],
        [`"a"\n}`, false],
        [`"a\\`, false],
        [``, false],
      ];
      for (const [index, [rest, isTaken]] of rests.entries()) {
        const owner = passkey(100 + index, { rest, isCompressed: index % 2 === 0, hasHighS: index % 3 === 0 });
        const envelope = envelopeOf(inboxOf(owner), [{ do: "create", owner }]);
        const answer = await verdict(chain, inboxOf(owner), envelope);
        expect(answer, `${hardfork} ${rest}`).to.match(isTaken ? /^taken$/ : /^IdentityVerifierClientData/);
      }
      const owner = passkey(1, { isCompressed: false });
      const order = p256.Point.Fn.ORDER;
      const der = (r: bigint, s: bigint) => {
        const int = (value: bigint) => {
          const hex = value.toString(16);
          const bytes = fromHex(hex.length % 2 ? `0${hex}` : hex);
          const digits = bytes[0]! >= 0x80 ? concatBytes(Uint8Array.of(0), bytes) : bytes;
          return concatBytes(Uint8Array.of(2, digits.length), digits);
        };
        const both = concatBytes(int(r), int(s));
        return concatBytes(Uint8Array.of(0x30, both.length), both);
      };
      const withSignature = (make: (r: bigint, s: bigint, given: Uint8Array) => Uint8Array, key?: Uint8Array) =>
        envelopeOf(inboxOf(owner), [{ do: "create", owner }], (update) => {
          const kind = update.actions[0]!.kind;
          const signature = kind.case === "createInbox" ? kind.value.initialIdentifierSignature!.signature : undefined;
          if (signature?.case !== "passkey") throw new Error("a passkey signs");
          const { r, s } = p256.Signature.fromBytes(signature.value.signature, "der");
          signature.value.signature = make(r, s, signature.value.signature);
          if (key) signature.value.publicKey = key;
        });
      const offCurve = fromHex(owner.identifier);
      offCurve[64]! ^= 1;
      const bad: [string, Uint8Array][] = [
        ["r of 0", withSignature((_, s) => der(0n, s))],
        ["s of 0", withSignature((r) => der(r, 0n))],
        ["s of n", withSignature((r) => der(r, order))],
        ["r + n", withSignature((r, s) => der(r + order, s))],
        ["s + n", withSignature((r, s) => der(r, s + order))],
        [
          "a longer length",
          withSignature((_r, _s, given) => concatBytes(Uint8Array.of(0x30, 0x81), given.subarray(1))),
        ],
        ["bytes behind", withSignature((_r, _s, given) => concatBytes(given, Uint8Array.of(0)))],
        ["a needless zero", withSignature((_r, _s, given) => withZero(given))],
        ["r | s without DER", withSignature((r, s) => concatBytes(uintToBytes(r, 32), uintToBytes(s, 32)))],
        ["nothing", withSignature(() => new Uint8Array())],
        [
          "another key",
          withSignature((_r, _s, given) => given, fromHex(passkey(2, { isCompressed: false }).identifier)),
        ],
        ["a point off the curve", withSignature((_r, _s, given) => given, offCurve)],
      ];
      for (const [what, envelope] of bad) {
        expect(await verdict(chain, inboxOf(owner), envelope), `${hardfork} ${what}`).to.match(
          /^IdentityVerifierPasskeySignature/,
        );
      }
      expect(
        await verdict(
          chain,
          inboxOf(owner),
          withSignature((r, s) => der(r, order - s)),
        ),
      ).to.equal("taken");
    }

    function withZero(given: Uint8Array): Uint8Array {
      // Two more zeros in front of r: one is needless whatever r begins with.
      const padded = concatBytes(given.subarray(0, 4), Uint8Array.of(0, 0), given.subarray(4));
      padded[1]! += 2;
      padded[3]! += 2;
      return padded;
    }
  });

  it("asks smart accounts of this chain, in the near past", async () => {
    const { chainId, net } = world;
    let block = 1n;
    const [account] = await deployAccounts(world, 1, () => block);
    const registered = () => envelopeOf(inboxOf(account!), [{ do: "create", owner: account! }]);
    await net.provider.request({ method: "hardhat_mine", params: ["0x800"] });
    // A simulation runs in the latest block.
    const next = await chainBlock();
    const cases: [bigint, string][] = [
      [0n, `IdentityVerifierAccountBlock(0, ${next - 1_800n}, ${next - 1n})`],
      [next - 1_801n, `IdentityVerifierAccountBlock(${next - 1_801n}, ${next - 1_800n}, ${next - 1n})`],
      [next - 1_800n, "taken"],
      [next - 1n, "taken"],
      [next, `IdentityVerifierAccountBlock(${next}, ${next - 1_800n}, ${next - 1n})`],
      [2n ** 64n - 1n, `IdentityVerifierAccountBlock(${2n ** 64n - 1n}, ${next - 1_800n}, ${next - 1n})`],
    ];
    for (const [asked, expected] of cases) {
      block = asked;
      expect(await verdict(world, inboxOf(account!), registered()), `block ${asked}`).to.equal(expected);
    }
    block = next - 1n;
    const ids = [
      `eip155:1:${account!.identifier}`,
      `eip155:${chainId}:${account!.address}`,
      `eip155:0${chainId}:${account!.identifier}`,
      `eip155:${chainId}:${account!.identifier}0`,
      `${account!.identifier}`,
      "",
    ];
    for (const accountId of ids) {
      const envelope = envelopeOf(inboxOf(account!), [{ do: "create", owner: account! }], (update) => {
        const { kind } = update.actions[0]!;
        const signature = kind.case === "createInbox" ? kind.value.initialIdentifierSignature!.signature : undefined;
        if (signature?.case === "erc6492") signature.value.accountId = accountId;
      });
      const words = accountId.endsWith(account!.address) ? /^IdentityVerifierIdentifier/ : /^IdentityVerifierAccountId/;
      expect(await verdict(world, inboxOf(account!), envelope), accountId).to.match(words);
    }
    const nobody = smartAccount(wallet(5).identifier, wallet(5).key, chainId, () => next - 1n);
    const undeployed = envelopeOf(inboxOf(nobody), [{ do: "create", owner: nobody }]);
    expect(await verdict(world, inboxOf(nobody), undeployed)).to.match(/^IdentityVerifierAccountSignature/);
  });

  it("stays bounded whatever a smart account does (41)", async () => {
    const { abi, bytecode } = readArtifact("test/support/HostileAccount.sol");
    const deployed = await new ContractFactory(abi, bytecode, world.deployer).deploy();
    const account = new Contract(await deployed.getAddress(), abi, world.deployer);
    const block = await chainBlock();
    const actor = smartAccount(await account.getAddress(), wallet(1).key, world.chainId, () => block);
    const inboxId = inboxOf(actor);
    const envelope = envelopeOf(inboxId, [{ do: "create", owner: actor }]);
    const other = envelopeOf(inboxOf(wallet(7)), [{ do: "create", owner: wallet(7) }]);
    await account.getFunction("prepare")(world.identityRegistry, `0x${inboxOf(wallet(7))}`, other);
    const manners = [
      "agrees",
      "reverts",
      "burns gas",
      "returns a megabyte",
      "returns little",
      "a dirty word",
      "re-enters",
      "writes",
    ];
    for (const [manner, what] of manners.entries()) {
      await account.getFunction("behave")(manner);
      const isTaken = manner === 0;
      const answer = await verdict(world, inboxId, envelope);
      expect(answer, what).to.match(isTaken ? /^taken$/ : /^IdentityVerifierAccountSignature/);
    }
    // A megabyte, and all the gas there is.
    for (const manner of [3, 2]) {
      await account.getFunction("behave")(manner);
      const asked = world.identityRegistry.addIdentityUpdate(`0x${inboxId}`, envelope, { gasLimit: 16_000_000n });
      await expect(asked).to.be.revertedWithCustomError(world.identityVerifier, "IdentityVerifierAccountSignature");
      expect((await world.ethers.provider.getBlock("latest"))!.gasUsed).to.be.lessThan(3_400_000n);
    }
    // With less gas than an account is due its no does not count, so that a batch cannot pass it over for that.
    const { identityRegistry, identityVerifier } = world;
    const short = { gasLimit: 2_500_000n };
    await expect(identityRegistry.addIdentityUpdate(`0x${inboxId}`, envelope, short))
      .to.be.revertedWithCustomError(identityVerifier, "IdentityVerifierAccountGas")
      .withArgs(await account.getAddress());
    await expect(identityRegistry.addIdentityUpdates([`0x${inboxId}`], [envelope], short))
      .to.be.revertedWithCustomError(identityRegistry, "IdentityRegistryOutOfGas")
      .withArgs(0n);
    await expect(identityRegistry.addIdentityUpdates([`0x${inboxId}`], [envelope], { gasLimit: 16_000_000n })).to.emit(
      identityRegistry,
      "IdentityUpdateRefused",
    );
    await account.getFunction("behave")(0);
    await identityRegistry.addIdentityUpdate(`0x${inboxId}`, envelope, { gasLimit: 1_000_000n });
  });

  it("agrees with TypeScript on random updates, and on who belongs to an inbox after them", async function () {
    this.timeout(240_000);
    const { cases, taken } = await compareIdentity(world, { cases: 100, seed: 7 });
    expect(taken).to.be.greaterThan(cases / 4);
    expect(taken).to.be.lessThan((cases * 3) / 4);
  });

  it("keeps signatures of one text apart from those of another", async () => {
    const [owner, app] = [wallet(1), installation(1)];
    const inboxId = inboxOf(owner);
    await sequence(world, inboxId, envelopeOf(inboxId, [{ do: "create", owner }]));
    const later = identityUpdate(inboxId, [{ do: "add", member: app, signer: owner }], NOON + SECOND);
    const early = identityUpdate(inboxId, [{ do: "create", owner }]);
    const { kind } = later.actions[0]!;
    const { kind: first } = early.actions[0]!;
    if (kind.case !== "add" || first.case !== "createInbox") throw new Error("unexpected actions");
    kind.value.existingMemberSignature = first.value.initialIdentifierSignature;
    // It recovers to somebody else over another text; the used bytes are refused before that is looked at.
    expect(await verdict(world, inboxId, identityEnvelope(later))).to.match(/^IdentityRegistrySignatureUsed\(0, 1\)/);
  });
});
