export interface TransactionToSign {
  chainId: bigint;
  nonce: number;
  /** Null deploys a contract. */
  to: `0x${string}` | null;
  data: `0x${string}`;
  gasLimit: bigint;
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}

/** Signs transactions of one account, with a key in this process or in another machine's keeping. */
export interface TransactionSigner {
  /** In lower case. */
  readonly address: `0x${string}`;
  /** The signed EIP-1559 transaction of value 0, ready to be broadcast. Rejects with SignerError. */
  sign(transaction: TransactionToSign): Promise<`0x${string}`>;
}

export type SignerErrorCode =
  /** The remote signer did not answer, or not in time. */
  | "signer_unreachable"
  /** The remote signer answered that it will not sign. */
  | "signer_refused"
  /** What came back is not what was asked for, or another account's. Nothing of it is used. */
  | "signer_wrong_answer";

export class SignerError extends Error {
  override readonly name = "SignerError";
  readonly code: SignerErrorCode;

  constructor(code: SignerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
