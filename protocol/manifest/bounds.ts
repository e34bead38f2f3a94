/** Named limits of what is read as a manifest; each refusal names the limit in `field`. */
export interface ManifestBounds {
  /** Of the whole CAR, and of one block. */
  manifestBytes: number
  manifestBlockBytes: number
  services: number
  abilities: number
  /** Levels of maps and lists in one schema, and schemas in all those of a service, each part counted. */
  schemaDepth: number
  schemaNodes: number
  /** Seconds that a signature may be good for: who was shown an old manifest would believe it for as long. */
  manifestLife: number
}

/** What holds unless whoever reads says otherwise. */
export const MANIFEST_BOUNDS: ManifestBounds = {
  manifestBytes: 1024 * 1024,
  manifestBlockBytes: 256 * 1024,
  services: 128,
  abilities: 128,
  schemaDepth: 32,
  schemaNodes: 4096,
  manifestLife: 30 * 86_400,
}
