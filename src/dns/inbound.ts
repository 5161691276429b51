/** Receiving transfers. One door to the files of `inbound/`. */
export { applySteps, recordKey } from './inbound/apply.ts';
export {
  type InboundOptions,
  type InboundResult,
  type InboundStep,
  InboundTransfer,
} from './inbound/transfer.ts';
export { TransferError, type TransferFault } from './inbound/transfer-error.ts';
