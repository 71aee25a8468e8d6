/* One mesh under random events: what must hold after each of them, whatever came before.
 *
 * The test is the owner and the world: it keeps the dials under way, the links that are up and the
 * members, and lets dials fail, be answered by whom they were for or by another, links come and go.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/mesh_fixture.h"

#define SEEDS 12u
#define STEPS 3000u
#define DEVICES 7u /* every second one has a smaller id than ours */
#define ADDRS 22u  /* more than are remembered */
#define STATICS 3u /* the first addresses */
#define DIALS_MAX 512u
#define LINKS_MAX 64u

typedef struct link {
    uint64_t id;
    uint32_t device;
    bool ours;
} link;

typedef struct world {
    mesh *mesh;
    wr_rng rng;
    uint64_t now;
    bool member[DEVICES];
    uint64_t learned[DEVICES]; /* bit for each address that the device was said to have */
    uint64_t fixed;            /* static addresses */
    mesh_dial dials[DIALS_MAX];
    uint32_t dial_count;
    link links[LINKS_MAX];
    uint32_t link_count;
    uint64_t last_id;
    uint64_t started[DEVICES]; /* when a dial to it last started */
    uint32_t dialled;
} world;

static uint32_t below(world *w, uint32_t bound) {
    return wr_rng_below(&w->rng, bound);
}

static uint32_t id_of(uint32_t device) {
    return device % 2 == 0 ? SELF + 1 + device : SELF - 1 - device;
}

static uint32_t device_with(const wr_hash *id) {
    for (uint32_t i = 0; i < DEVICES; i++) {
        wr_hash known = device_of(id_of(i));
        if (wr_hash_equal(&known, id))
            return i;
    }
    WR_UNREACHABLE();
}

static uint32_t number_of(const mesh_addr *addr) {
    return wr_load_u32(addr->b + sizeof addr->b - 4);
}

static uint32_t links_to(const world *w, uint32_t device, bool ours_only) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->link_count; i++)
        if (w->links[i].device == device && (!ours_only || w->links[i].ours))
            count++;
    return count;
}

/* ---- what happens ------------------------------------------------------------------------- */

static void link_ends(world *w, uint32_t i) {
    link ended = w->links[i];
    w->links[i] = w->links[--w->link_count];
    down(w->mesh, id_of(ended.device), ended.id, w->now);
}

static void link_comes(world *w, uint32_t device, const mesh_dial *dial) {
    if (w->link_count == LINKS_MAX)
        return;
    wr_hash id = device_of(id_of(device));
    link new_link = {.id = ++w->last_id, .device = device, .ours = dial != NULL};
    w->links[w->link_count++] = new_link;
    if (dial != NULL && w->member[device])
        w->learned[device] |= 1ull << number_of(&dial->addr);
    uint64_t closes = mesh_up(w->mesh, &id, new_link.id, dial, (wr_mono){w->now});
    if (closes == 0)
        return;
    uint32_t i = 0;
    while (i < w->link_count && w->links[i].id != closes)
        i++;
    T_TRUE(i < w->link_count);
    T_EQ(w->links[i].device, device);
    link_ends(w, i);
}

static mesh_dial take_dial(world *w, uint32_t i) {
    mesh_dial dial = w->dials[i];
    w->dials[i] = w->dials[--w->dial_count];
    return dial;
}

static void member_leaves(world *w, uint32_t device) {
    wr_hash id = device_of(id_of(device));
    mesh_remove(w->mesh, &id);
    w->member[device] = false;
    w->learned[device] = 0;
    w->started[device] = 0;
    for (uint32_t i = w->dial_count; i > 0; i--) /* the owner ends its dials and links */
        if (wr_hash_equal(&w->dials[i - 1].device, &id))
            (void)take_dial(w, i - 1);
    for (uint32_t i = w->link_count; i > 0; i--)
        if (w->links[i - 1].device == device)
            link_ends(w, i - 1);
}

/* Each dial to a device without a link is for a member, at an address it may have, not under way
 * yet, and a stagger after the one before. */
static void take_due(world *w) {
    mesh_dial dial;
    while (mesh_deadline(w->mesh).ms <= w->now) {
        T_TRUE(mesh_next(w->mesh, (wr_mono){w->now}, &dial));
        uint32_t device = device_with(&dial.device);
        T_TRUE(w->member[device]);
        T_EQ(links_to(w, device, false), 0);
        T_TRUE(((w->learned[device] | w->fixed) >> number_of(&dial.addr) & 1u) != 0);
        for (uint32_t i = 0; i < w->dial_count; i++)
            T_FALSE(wr_hash_equal(&w->dials[i].device, &dial.device) &&
                    wr_equal(WR_SLICE_OBJ(w->dials[i].addr), WR_SLICE_OBJ(dial.addr)));
        T_TRUE(w->now >= w->started[device]);
        w->started[device] = w->now + MESH_STAGGER_MS;
        T_TRUE(w->dial_count < DIALS_MAX);
        w->dials[w->dial_count++] = dial;
        w->dialled++;
    }
    T_FALSE(mesh_next(w->mesh, (wr_mono){w->now}, &dial));
}

static void dial_ends(world *w) {
    if (w->dial_count == 0)
        return;
    mesh_dial dial = take_dial(w, below(w, w->dial_count));
    uint32_t fate = below(w, 8);
    if (fate < 5)
        mesh_failed(w->mesh, &dial, (wr_mono){w->now});
    else
        link_comes(w, fate == 5 ? below(w, DEVICES) : device_with(&dial.device), &dial);
}

static void time_passes(world *w) {
    static const uint32_t spans[] = {1, 100, 3000, 400000};
    uint64_t deadline = mesh_deadline(w->mesh).ms;
    if (deadline != WR_MONO_NEVER.ms && deadline > w->now && below(w, 2) == 0)
        w->now = deadline;
    else
        w->now += below(w, spans[below(w, WR_COUNT(spans))]);
}

static void something_happens(world *w) {
    uint32_t device = below(w, DEVICES), addr = below(w, ADDRS);
    switch (below(w, 20)) {
    case 0:
        add(w->mesh, id_of(device), w->now);
        w->member[device] = true;
        return;
    case 1:
        if (below(w, 4) == 0)
            member_leaves(w, device);
        return;
    case 2:
    case 3:
        learn(w->mesh, id_of(device), addr, w->now);
        if (w->member[device])
            w->learned[device] |= 1ull << addr;
        return;
    case 4:
        if (addr < STATICS) {
            add_static(w->mesh, addr, w->now);
            w->fixed |= 1ull << addr;
        }
        return;
    case 5:
        if (below(w, 8) == 0) {
            mesh_hurry(w->mesh, (wr_mono){w->now});
            memset(w->started, 0, sizeof w->started);
        }
        return;
    case 6:
        if (w->member[device])
            link_comes(w, device, NULL);
        return;
    case 7:
    case 8:
    case 9:
        if (w->link_count != 0)
            link_ends(w, below(w, w->link_count));
        return;
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
        dial_ends(w);
        return;
    default:
        time_passes(w);
    }
}

/* ---- what must hold ------------------------------------------------------------------------- */

static bool under_way(const world *w, uint32_t device) {
    wr_hash id = device_of(id_of(device));
    for (uint32_t i = 0; i < w->dial_count; i++)
        if (wr_hash_equal(&w->dials[i].device, &id))
            return true;
    return false;
}

static void check(const world *w) {
    uint64_t deadline = mesh_deadline(w->mesh).ms;
    bool somebody = false;
    T_TRUE(deadline > w->now);
    for (uint32_t i = 0; i < DEVICES; i++) {
        wr_hash id = device_of(id_of(i));
        mesh_addr addrs[MESH_ADDRS_MAX];
        uint32_t count = mesh_addrs(w->mesh, &id, addrs), links = links_to(w, i, false);
        T_EQ(has_link(w->mesh, id_of(i)), links != 0);
        T_TRUE(links_to(w, i, true) <= 1);
        T_TRUE(links <= MESH_LINKS_MAX);
        T_TRUE(w->member[i] || count == 0);
        somebody = somebody || (w->member[i] && links == 0);
        /* Nobody is forgotten: what can be dialled will be. */
        if (w->member[i] && links == 0 && count != 0 && !under_way(w, i))
            T_TRUE(deadline <= w->now + MESH_RETRY_MAX_MS * 13 / 10);
        for (uint32_t a = 0; a < count; a++)
            for (uint32_t b = 0; b < a; b++)
                T_FALSE(wr_equal(WR_SLICE_OBJ(addrs[a]), WR_SLICE_OBJ(addrs[b])));
    }
    if (!somebody)
        T_TRUE(deadline == WR_MONO_NEVER.ms);
}

static void whatever_happens_the_rules_hold(void **state) {
    (void)state;
    uint32_t dialled = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world w = {.mesh = new_mesh(seed), .rng = t_rng(1000 + seed), .now = 5};
        for (uint32_t step = 0; step < STEPS; step++) {
            something_happens(&w);
            take_due(&w);
            check(&w);
        }
        dialled += w.dialled;
        mesh_free(w.mesh);
    }
    T_TRUE(dialled > SEEDS * STEPS / 10); /* the test does not idle */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_happens_the_rules_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
