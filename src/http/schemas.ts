// The schemas that requests are checked with and that the OpenAPI document is made of. A wrong shape is answered with 400, a wrong
// value with 422; what only the database can judge is left to it.

const SECONDS = { type: 'integer', minimum: 0, maximum: 2_147_483_647 } as const;
const text = (description: string, example?: string) => ({
  type: 'string' as const,
  minLength: 1,
  description,
  ...(example === undefined ? {} : { examples: [example] }),
});

/** The frame of an answer with one thing in `data`. */
export const answer = (description: string, data: object) => ({
  description,
  type: 'object',
  properties: { status: { type: 'string', enum: ['success'] }, data },
});

/** The frame of a page of a list; `next` is the `after` of the page behind it. */
export const pageOf = (description: string, item: object) => ({
  description,
  type: 'object',
  properties: {
    status: { type: 'string', enum: ['success'] },
    data: { type: 'array', items: item },
    next: { type: ['string', 'null'] },
    total: { type: 'integer' },
  },
});

const error = (description: string) => ({
  description,
  type: 'object',
  properties: {
    status: { type: 'string', enum: ['error'] },
    error: {
      type: 'object',
      properties: { code: { type: 'string' }, message: { type: 'string' } },
      required: ['code', 'message'],
    },
  },
});

/** The errors that any route may answer with. */
export const errors = {
  400: error('The request is malformed; the message names the field.'),
  401: error('The token is missing or wrong.'),
  404: error('There is no such thing.'),
  409: error('It collides with what is there.'),
  412: error('It was changed since it was read (If-Match).'),
  413: error('The body is larger than 1 MiB.'),
  422: error('A value can not be served; the message names the field.'),
};

/** Something of which the answer says more than it promises. */
export const anything = { type: 'object', additionalProperties: true } as const;

export const paging = {
  limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'Items at most.' },
  after: { type: 'string', description: 'The `next` of the page before.' },
} as const;

export const standingState = {
  type: 'string',
  enum: ['all', 'open'],
  default: 'all',
  description: '`open`: those alone that are not converged.',
} as const;

export const ifMatch = {
  type: 'object',
  properties: {
    'if-match': { type: 'string', description: 'The ETag that was read: change it only while it is so.' },
  },
} as const;

export const zoneParams = params({ zone: text('The name of a zone, or its id.', 'example.com') });
export const recordParams = params({
  zone: text('The name of a zone, or its id.', 'example.com'),
  id: text('The id of a record.'),
});
export const idParams = params({ id: text('An id.') });
export const namedParams = params({ id: text('An id, or a name.') });

const zoneSettings = {
  primaryNs: text('The primary name server of the SOA.', 'ns1.example.net.'),
  contact: text('A mail address, or the form that the SOA has it in.', 'hostmaster@example.com'),
  serial: {
    type: 'integer',
    minimum: 1,
    maximum: 4_294_967_295,
    description: 'The next serial, newer than the present one (RFC 1982).',
  },
  serialPolicy: {
    type: ['string', 'null'],
    enum: ['increment', 'date', 'unixtime', null],
    description: 'null: the policy of SERIAL_POLICY.',
  },
  refresh: { ...SECONDS, minimum: 1 },
  retry: { ...SECONDS, minimum: 1 },
  expire: { ...SECONDS, minimum: 1 },
  minimum: SECONDS,
  soaTtl: SECONDS,
  aliasFloor: {
    type: 'integer',
    minimum: 0,
    maximum: 86_400,
    description: 'The least seconds between two serials that answers of ALIAS targets alone spend.',
  },
};

export const newZone = body({ name: text('The zone.', 'example.com'), ...zoneSettings }, [
  'name',
  'primaryNs',
  'contact',
]);
export const zoneChange = body(zoneSettings);

/** A serial in a query, which is text alone. */
export const serialQuery = (description: string) => ({
  type: 'string' as const,
  pattern: '^[0-9]{1,10}$',
  description,
});
export const rollbackBody = body(
  {
    to: {
      type: 'integer',
      minimum: 0,
      maximum: 4_294_967_295,
      description: 'The serial that the zone had.',
    },
    dryRun: { type: 'boolean', default: false, description: 'Show what would change, and change nothing.' },
  },
  ['to'],
);

const record = {
  name: text('As in a zone file: relative, absolute with the final dot, or @.', '@'),
  type: text('A, MX, ALIAS, TYPE65400, …', 'ALIAS'),
  content: { type: 'string', description: 'Presentation format; of an ALIAS the target.' },
  ttl: { type: 'integer', description: 'Seconds, 0 to 2147483647.' },
  disabled: { type: 'boolean', description: 'Not served.' },
  answers: {
    type: 'string',
    enum: ['stable', 'exact'],
    description:
      'Of an ALIAS: whether a rotating target costs few serials, or each of its answers is published.',
  },
  fallback: {
    type: 'array',
    items: { type: 'string' },
    maxItems: 100,
    description: 'Of an ALIAS: addresses that are published once its target had no answer for MAX_STALE.',
  },
  debugTxt: {
    type: 'boolean',
    description: 'Of an ALIAS: whether a TXT beside the addresses names the target.',
  },
};
export const newRecord = body(
  {
    ...record,
    ttl: { ...record.ttl, default: 3600 },
    disabled: { ...record.disabled, default: false },
  },
  ['name', 'type', 'content'],
);
export const recordChange = body(record);

const texts = (description: string) => ({ type: 'array', items: { type: 'string' }, description });
const secondarySettings = {
  addresses: { ...texts('IP, IP:PORT, [IP6]:PORT or IP@PORT.'), minItems: 1 },
  transferFrom: texts('Further ranges that it may ask from.'),
  keys: texts('Names of keys: the first signs NOTIFY, all are accepted.'),
  zones: {
    description: '"all", or names of zones.',
    oneOf: [
      { type: 'string', enum: ['all'] },
      { type: 'array', items: { type: 'string' } },
    ],
  },
  notify: { type: 'boolean', description: 'Whether it is sent NOTIFY.' },
  catalog: { type: ['string', 'null'], description: 'The catalog zone that lists its zones.' },
  check: {
    description: 'Where it answers queries; "none": it is not asked; null: at its addresses.',
    oneOf: [
      { type: 'string', enum: ['none'] },
      { type: 'array', items: { type: 'string' }, minItems: 1 },
      { type: 'null' },
    ],
  },
  optional: { type: 'boolean', description: 'Nobody waits for it.' },
  notifyRate: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: 100_000,
    description: 'NOTIFYs a second; null: NOTIFY_RATE.',
  },
  maxTransfers: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: 1_000_000,
    description: 'Zones on their way to it at once; null: any number.',
  },
};
export const newSecondary = body({ name: text('What it is called here.'), ...secondarySettings }, [
  'name',
  'addresses',
]);
export const secondaryChange = body(secondarySettings);

const keySettings = {
  algorithm: {
    type: 'string',
    enum: ['hmac-sha256', 'hmac-sha224', 'hmac-sha384', 'hmac-sha512', 'hmac-sha1', 'hmac-md5'],
  },
  secret: { type: 'string', description: 'In base64.' },
  minMacBits: {
    type: ['integer', 'null'],
    minimum: 8,
    maximum: 512,
    description: 'Bits of the shortest MAC that is taken; null: whole ones alone.',
  },
};
export const newKey = body(
  {
    name: text('A domain name.', 'transfer-key'),
    algorithm: { ...keySettings.algorithm, default: 'hmac-sha256' },
    secret: { type: 'string', description: 'In base64; without one it is generated.' },
    minMacBits: keySettings.minMacBits,
  },
  ['name'],
);
export const keyChange = body(keySettings);

const zoneList = {
  type: 'array',
  items: { type: 'string' },
  description: 'Names of zones; all where none stand.',
};
export const newResync = {
  ...body({
    zones: zoneList,
    force: { type: 'boolean', description: 'Passes guards, damping and NEGATIVE_HOLD.' },
    due: { type: 'boolean', description: 'Looks only at targets that are due.' },
    converged: {
      type: 'boolean',
      description:
        'The job ends when every secondary that has to serves the zones, or says in its result which do not.',
    },
    within: {
      type: 'integer',
      minimum: 1,
      maximum: 3_600,
      description: 'Seconds that `converged` waits at most; 60 by default.',
    },
    reason: { type: 'string', description: 'Who asks, for people.' },
    dryRun: { type: 'boolean', description: 'Says what would change, and changes nothing.' },
  }),
  minProperties: 0,
};
export const newPlan = {
  ...body({ zones: zoneList, force: { type: 'boolean' } }),
  minProperties: 0,
};
export const newNotifications = {
  ...body({
    zones: zoneList,
    dryRun: { type: 'boolean', description: 'Says what would be sent, and sends nothing.' },
  }),
  minProperties: 0,
};

function body(properties: object, required?: string[]) {
  return {
    type: 'object',
    properties,
    additionalProperties: false,
    ...(required ? { required } : { minProperties: 1 }),
  };
}

function params(properties: object) {
  return { type: 'object', properties, required: Object.keys(properties) };
}
