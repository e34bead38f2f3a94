import { CLOCK_SKEW, covers, isDid, type Proof, type Ucan } from '@symbiosis/protocol'

/** Whether a UCAN is in force by a host's reading of the clock. */
export const inTime = (ucan: Ucan, now: number): boolean =>
  (ucan.expiration === null || now <= ucan.expiration + CLOCK_SKEW) && (ucan.notBefore === undefined || now >= ucan.notBefore - CLOCK_SKEW)

/** Whether a chain of UCANs that are all `good` leads from `root` to the proof. */
export const stands = ({ ucan, proofs }: Proof, root: string, good: (link: Ucan) => boolean): boolean => {
  const known = new Map(proofs.map((proof) => [String(proof.cid), proof]))
  const verdicts = new Map<Ucan, boolean>()
  const visit = (link: Ucan): boolean => {
    let verdict = verdicts.get(link)
    if (verdict === undefined) {
      verdict = good(link) && (link.issuer === root || parentsOf(link, known).some(visit))
      verdicts.set(link, verdict)
    }
    return verdict
  }
  return visit(ucan)
}

/** When the proof ends, the links above it considered: Unix seconds, Infinity for never. */
export const endOf = ({ ucan, proofs }: Proof, root: string): number => {
  const known = new Map(proofs.map((proof) => [String(proof.cid), proof]))
  const ends = new Map<Ucan, number>()
  const visit = (link: Ucan): number => {
    let end = ends.get(link)
    if (end === undefined) {
      const above = link.issuer === root ? Number.POSITIVE_INFINITY : Math.max(0, ...parentsOf(link, known).map(visit))
      end = Math.min(link.expiration ?? Number.POSITIVE_INFINITY, above)
      ends.set(link, end)
    }
    return end
  }
  return visit(ucan)
}

/** The links above one that were made for its issuer. */
export const parentsOf = (link: Ucan, known: ReadonlyMap<string, Ucan>): Ucan[] =>
  link.proofs.flatMap((cid) => {
    const parent = known.get(String(cid))
    return parent && parent.audience === link.issuer ? [parent] : []
  })

/** Whether a delegation covers an ability over a space, fields of `nb` aside. */
export const delegates = (ucan: Ucan, space: string, can: string): boolean =>
  ucan.capabilities.some(
    (capability) =>
      (capability.with === space || capability.with === 'ucan:*') && (covers(capability.can, can) || capability.can === 'ucan:*'),
  )

/** Whether all of a UCAN is about one space or host: the issuer of a chain has authority over no other. */
export const isAboutOneSpace = ({ capabilities }: Ucan): boolean => {
  const [first] = capabilities
  return first !== undefined && isDid(first.with) && capabilities.every((capability) => capability.with === first.with)
}

/** The DID that a proof's authority comes from: a space for delegations, a host for leases. */
export const rootOf = ({ ucan }: Proof): string => ucan.capabilities[0]?.with ?? ''
