export interface SecondaryConfigOptions {
  /** What the secondary is called here; appears in comments alone. */
  name: string;
  /** The addresses it is registered with: where NOTIFY goes and where its requests have to come from. */
  addresses: { ip: string; port: number }[];
  /** Where it asks: the listening addresses of this service. */
  primary: { ip: string; port: number }[];
  /** Where NOTIFY comes from, when not from the addresses of `primary`. */
  notifyFrom?: string[];
  /** Zone names in canonical text. */
  zones: string[];
  /** The catalog by which it learns its zones, instead of having them listed one by one. */
  catalog?: string;
  /** Algorithm as `hmac-sha256`, secret in base64. */
  key?: { name: string; algorithm: string; secret: string };
  /** Zones come over TLS (RFC 9103): `primary` then is where that is listened for. */
  tls?: SecondaryTls;
}

/** How the secondary knows its primary, and is known by it. Paths are those of its own machine. */
export interface SecondaryTls {
  /** The name that the primary's certificate has to be for. */
  name: string;
  /** The authorities of that certificate; without it those that the machine trusts. */
  ca?: string;
  /** Its own certificate and key, where the primary asks for one. */
  certificate?: { cert: string; key: string };
}
