/* Which links to one sibling stay: judged alike at both ends, in whatever order they see them.
 *
 * Layer:  mesh
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mesh/mesh_impl.h"

typedef enum verdict {
    OLDER_CLOSES,
    NEWER_CLOSES,
    PEER_CHOOSES, /* both stay for us */
} verdict;

static verdict judge_pair(const mesh *m, const wr_hash *peer, const mesh_link *older,
                          const mesh_link *newer) {
    if (wr_mono_reached(wr_mono_add(older->since, MESH_OVERLAP_MS), newer->since))
        return OLDER_CLOSES;
    if (older->ours ==
        newer->ours) /* no more than one end may choose: order differs between them */
        return newer->ours ? NEWER_CLOSES : PEER_CHOOSES;
    bool ours_stays = wr_hash_order(&m->own, peer) < 0;
    return older->ours == ours_stays ? NEWER_CLOSES : OLDER_CLOSES;
}

static void take_out(mesh_sibling *sibling, uint32_t index) {
    WR_ASSERT(index < sibling->link_count);
    for (uint32_t i = index + 1; i < sibling->link_count; i++)
        sibling->links[i - 1] = sibling->links[i];
    sibling->link_count--;
}

uint64_t duel_judge(const mesh *m, mesh_sibling *sibling, mesh_link link) {
    uint32_t loser = MESH_LINKS_MAX;
    for (uint32_t i = 0; i < sibling->link_count; i++) {
        WR_ASSERT(sibling->links[i].id != link.id);
        switch (judge_pair(m, &sibling->device, &sibling->links[i], &link)) {
        case OLDER_CLOSES:
            /* Further ones are of its opening, too: it closes them itself, or they are found dead.
             */
            loser = loser == MESH_LINKS_MAX ? i : loser;
            break;
        case NEWER_CLOSES:
            return link.id;
        case PEER_CHOOSES:
            break;
        }
    }
    if (loser == MESH_LINKS_MAX && sibling->link_count == MESH_LINKS_MAX)
        return link.id;

    uint64_t closes = 0;
    if (loser != MESH_LINKS_MAX) {
        closes = sibling->links[loser].id;
        take_out(sibling, loser);
    }
    WR_ASSERT(sibling->link_count < MESH_LINKS_MAX);
    sibling->links[sibling->link_count++] = link;
    return closes;
}

bool duel_remove(mesh_sibling *sibling, uint64_t link_id, mesh_link *ret_link) {
    for (uint32_t i = 0; i < sibling->link_count; i++) {
        if (sibling->links[i].id != link_id)
            continue;
        *ret_link = sibling->links[i];
        take_out(sibling, i);
        return true;
    }
    return false;
}
