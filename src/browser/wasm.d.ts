/** As `npm run page` puts compiled files into the page's scripts: as bytes, or as bytes that gzip has packed. */
declare module '*.wasm' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
declare module '*.wasm?packed' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
