/** Transaction signatures (RFC 8945). One door to the files of `tsig/`. */
export {
  algorithmFromName,
  algorithmFromText,
  isTaken,
  LEGACY_ALGORITHMS,
  type LegacyAlgorithm,
  TSIG_ALGORITHMS,
  type TsigAlgorithm,
  type TsigKey,
  tsigLength,
} from './tsig/algorithm.ts';
export { TSIG_ERROR, type TsigRecord } from './tsig/record.ts';
export { signRequest, TsigSigner } from './tsig/sign.ts';
export { TsigError, type TsigFault, TsigVerifier } from './tsig/verify-reply.ts';
export {
  type RequestVerdict,
  type TsigFailure,
  tsigErrorReply,
  verifyRequest,
} from './tsig/verify-request.ts';
