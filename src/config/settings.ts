import { answerSettings } from './settings/answers.ts';
import { dnsSettings } from './settings/dns.ts';
import { httpSettings } from './settings/http.ts';
import { keepingSettings } from './settings/keeping.ts';
import { loggingSettings } from './settings/logging.ts';
import { resolvingSettings } from './settings/resolving.ts';
import type { Setting } from './settings/setting.ts';
import { storeSettings } from './settings/stores.ts';
import { tracingSettings } from './tracing.ts';

export type { Setting } from './settings/setting.ts';

/** Every setting, in the order in which `.env.example` and `zoneferry env` show them. */
export const settings = {
  ...storeSettings,
  ...dnsSettings,
  ...httpSettings,
  ...resolvingSettings,
  ...answerSettings,
  ...keepingSettings,
  ...loggingSettings,
  ...tracingSettings,
} as const satisfies Record<string, Setting<unknown>>;
