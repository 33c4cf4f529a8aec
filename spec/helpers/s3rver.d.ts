/** As much of the package `s3rver` as specs use; it brings no types along. */
declare module 's3rver' {
  import type { IncomingHttpHeaders, IncomingMessage, Server } from 'node:http';
  import type { Readable } from 'node:stream';

  export interface Context {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingHttpHeaders;
    readonly req: IncomingMessage;
    query: Readonly<Record<string, string>>;
    status: number;
    type: string;
    body: unknown;
  }
  export type Middleware = (context: Context, next: () => Promise<void>) => Promise<void>;

  export interface Stored {
    readonly bucket: string;
    readonly key: string;
    readonly content: Readable;
    readonly metadata: object;
  }
  export interface Store {
    existsObject(bucket: string, key: string): Promise<boolean>;
    getResourcePath(bucket: string, key: string | undefined, resource: string): string;
    listObjects(bucket: string, options: object): Promise<object>;
    putMetadata(bucket: string, key: string, metadata: object, md5: string): Promise<void>;
    putObject(object: Stored): Promise<{ size: number; md5: string }>;
    putPart(
      bucket: string,
      id: string,
      part: number | string,
      content: Readable,
    ): Promise<{ size: number; md5: string }>;
  }

  export default class S3rver {
    constructor(options: {
      readonly address: string;
      readonly port: number;
      readonly silent: boolean;
      readonly directory: string;
      readonly configureBuckets: readonly { readonly name: string }[];
    });
    readonly middleware: Middleware[];
    readonly store: Store;
    readonly httpServer: Server;
    run(): Promise<{ readonly port: number }>;
    close(): Promise<void>;
  }
}
