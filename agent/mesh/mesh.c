/* Who is known, and what is asked of whom: the table of siblings and the way into its parts.
 *
 * Layer:  mesh
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mesh/mesh.h"

#include <stdlib.h>

#include "mesh/mesh_impl.h"

wr_err mesh_new(const wr_hash *own, wr_rng rng, mesh **ret_mesh) {
    mesh *made = calloc(1, sizeof *made);
    if (made == NULL)
        return WR_ERR_NOMEM;
    made->own = *own;
    made->rng = rng;
    *ret_mesh = made;
    return WR_OK;
}

void mesh_free(mesh *m) {
    free(m);
}

/* ---- siblings ----------------------------------------------------------------------------- */

static const mesh_sibling *find(const mesh *m, const wr_hash *device) {
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++)
        if (m->siblings[i].used && wr_hash_equal(&m->siblings[i].device, device))
            return &m->siblings[i];
    return NULL;
}

static mesh_sibling *find_mutable(mesh *m, const wr_hash *device) {
    const mesh_sibling *found = find(m, device);
    return found == NULL ? NULL : &m->siblings[found - m->siblings];
}

/* The sibling, in a new slot if it is not known; NULL if there is none. */
static mesh_sibling *find_or_take(mesh *m, const wr_hash *device) {
    mesh_sibling *known = find_mutable(m, device);
    if (known != NULL)
        return known;
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++) {
        if (m->siblings[i].used)
            continue;
        m->siblings[i] = (mesh_sibling){.device = *device, .used = true, .round_at = WR_MONO_NEVER};
        return &m->siblings[i];
    }
    return NULL;
}

static void release_statics(mesh *m, const mesh_sibling *sibling) {
    for (uint32_t i = 0; i < m->static_count; i++)
        if (m->statics[i].bound == sibling)
            m->statics[i].bound = NULL;
}

/* A slot is needed for a member, or for a link. */
static void leave_if_done(mesh *m, mesh_sibling *sibling) {
    if (sibling->member || sibling->link_count != 0)
        return;
    release_statics(m, sibling);
    sibling->used = false;
}

/* Static addresses tie siblings together: what is bound or freed for one changes the others. */
static void settle_all(mesh *m, wr_mono now) {
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++)
        if (m->siblings[i].used)
            race_settle(m, &m->siblings[i], now);
}

wr_err mesh_add(mesh *m, const wr_hash *device, wr_mono now) {
    if (wr_hash_equal(&m->own, device))
        return WR_OK;
    mesh_sibling *sibling = find_or_take(m, device);
    if (sibling == NULL)
        return WR_ERR_LIMIT;
    if (sibling->member)
        return WR_OK;
    sibling->member = true;
    sibling->dial_at = now;
    return WR_OK;
}

void mesh_remove(mesh *m, const wr_hash *device) {
    mesh_sibling *sibling = find_mutable(m, device);
    if (sibling == NULL)
        return;
    mesh_sibling left = {.device = *device, .used = true, .round_at = WR_MONO_NEVER};
    left.link_count = sibling->link_count;
    memcpy(left.links, sibling->links, sizeof left.links);
    *sibling = left;
    release_statics(m, sibling);
    leave_if_done(m, sibling);
}

void mesh_learn(mesh *m, const wr_hash *device, const mesh_addr *addr, wr_mono now) {
    mesh_sibling *sibling = find_mutable(m, device);
    (void)now; /* as in mesh_add_static */
    if (sibling != NULL && sibling->member)
        race_learn(m, sibling, addr);
}

wr_err mesh_add_static(mesh *m, const mesh_addr *addr, wr_mono now) {
    (void)now; /* what is due may start at dial_at, which is past, or at most a stagger away */
    for (uint32_t i = 0; i < m->static_count; i++)
        if (mesh_addr_equal(&m->statics[i].addr, addr))
            return WR_OK;
    if (m->static_count == MESH_STATIC_MAX)
        return WR_ERR_LIMIT;
    uint32_t index = m->static_count++;
    m->statics[index] = (mesh_static){.addr = *addr};
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++)
        if (m->siblings[i].used)
            race_static(m, &m->siblings[i], index);
    return WR_OK;
}

void mesh_hurry(mesh *m, wr_mono now) {
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++)
        if (m->siblings[i].used)
            race_hurry(&m->siblings[i], now);
}

uint32_t mesh_addrs(const mesh *m, const wr_hash *device, mesh_addr out[MESH_ADDRS_MAX]) {
    const mesh_sibling *sibling = find(m, device);
    if (sibling == NULL)
        return 0;
    for (uint32_t i = 0; i < sibling->learned_count; i++)
        out[i] = sibling->learned[i].addr;
    return sibling->learned_count;
}

/* ---- dialling ----------------------------------------------------------------------------- */

bool mesh_next(mesh *m, wr_mono now, mesh_dial *ret_dial) {
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++) {
        mesh_sibling *sibling = &m->siblings[i];
        mesh_addr addr;
        if (!sibling->used || !race_next(m, sibling, now, &addr))
            continue;
        WR_ASSERT(sibling->member);
        WR_ASSERT(sibling->link_count == 0);
        *ret_dial = (mesh_dial){.device = sibling->device, .addr = addr};
        return true;
    }
    return false;
}

wr_mono mesh_deadline(const mesh *m) {
    wr_mono first = WR_MONO_NEVER;
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++)
        if (m->siblings[i].used)
            first = wr_mono_min(first, race_deadline(m, &m->siblings[i]));
    return first;
}

void mesh_failed(mesh *m, const mesh_dial *dial, wr_mono now) {
    mesh_sibling *sibling = find_mutable(m, &dial->device);
    if (sibling == NULL)
        return;
    race_ended(m, sibling, &dial->addr, false);
    settle_all(m, now);
}

void mesh_unanswered(mesh *m, const wr_hash *device) {
    mesh_sibling *sibling = find_mutable(m, device);
    if (sibling != NULL)
        sibling->unanswered++;
}

uint32_t mesh_unanswered_count(const mesh *m, const wr_hash *device) {
    const mesh_sibling *sibling = find(m, device);
    return sibling != NULL ? sibling->unanswered : 0;
}

/* ---- links -------------------------------------------------------------------------------- */

uint64_t mesh_up(mesh *m, const wr_hash *device, uint64_t link_id, const mesh_dial *dial,
                 wr_mono now) {
    WR_ASSERT(link_id != 0);
    mesh_sibling *sibling = find_or_take(m, device);
    if (sibling == NULL)
        return link_id; /* a link that cannot be remembered cannot be judged later */

    uint64_t closes =
        duel_judge(m, sibling, (mesh_link){.id = link_id, .since = now, .ours = dial != NULL});
    WR_ASSERT(sibling->link_count != 0);
    sibling->unanswered = 0;
    if (dial != NULL) {
        mesh_sibling *dialled = find_mutable(m, &dial->device);
        if (dialled != NULL)
            race_ended(m, dialled, &dial->addr, dialled == sibling);
        race_answered(m, sibling, &dial->addr);
        settle_all(m, now);
    }
    return closes;
}

void mesh_down(mesh *m, const wr_hash *device, uint64_t link_id, wr_mono now) {
    mesh_sibling *sibling = find_mutable(m, device);
    mesh_link link;
    if (sibling == NULL || !duel_remove(sibling, link_id, &link) || sibling->link_count != 0)
        return;
    race_again(m, sibling, link.since, now);
    leave_if_done(m, sibling);
}

bool mesh_has_link(const mesh *m, const wr_hash *device) {
    const mesh_sibling *sibling = find(m, device);
    return sibling != NULL && sibling->link_count != 0;
}
