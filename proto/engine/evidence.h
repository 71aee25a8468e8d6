/* Does an EQUIV prove that a device contradicted itself?
 *
 * Evidence speaks for itself: it needs no graph and no feed, only the accused's signing key.  So
 * every device judges it alike, whatever else it holds.
 *
 * Spec:   proto/spec/circle.md 3.11
 * Layer:  engine.  Pure.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_EVIDENCE_H
#define WR_ENGINE_EVIDENCE_H

#include "circle/op_change.h"

/* equiv comes from wr_equiv_decode; sign_pk is the key of equiv->device_id's certificate.
 *   OK       proven
 *   REFUSED  what was signed is of another circle or device, or is no contradiction
 *   AUTH     a signature or the path does not hold
 *   FORMAT, TRUNCATED, LIMIT, VERSION   a piece of evidence is no op or no checkpoint */
WR_MUST wr_err wr_evidence_check(const wr_equiv *equiv, const wr_hash *circle_id,
                                 const wr_pub *sign_pk);

#endif /* WR_ENGINE_EVIDENCE_H */
