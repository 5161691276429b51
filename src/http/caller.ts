/** Who asks: by API_TOKEN, by a named token, or by loopback while there is no token. */
export interface Caller {
  /** The name of its token; undefined for API_TOKEN and loopback. */
  name?: string;
  /** The id of its token. */
  id?: string;
  readOnly: boolean;
}

/** API_TOKEN, or loopback while there is no token: may do all, and has no name. */
export const everybody: Caller = { readOnly: false };
