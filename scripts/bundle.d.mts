/** Makes `cli.js` of the compiled modules load a bundle, which is put beside them. */
export function bundleCli(dist: string): Promise<void>
