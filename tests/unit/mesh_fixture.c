/* Devices, addresses and expected dials for the tests of the mesh.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/mesh_fixture.h"

wr_hash device_of(uint32_t n) {
    wr_hash out = {0};
    wr_store_u32(out.b, n);
    return out;
}

mesh_addr addr_of(uint32_t n) {
    mesh_addr out = {0};
    wr_store_u32(out.b + sizeof out.b - 4, n);
    return out;
}

mesh *new_mesh(uint64_t seed) {
    wr_hash own = device_of(SELF);
    mesh *m = NULL;
    T_OK(mesh_new(&own, t_rng(seed), &m));
    return m;
}

void add(mesh *m, uint32_t device, uint64_t at) {
    wr_hash id = device_of(device);
    T_OK(mesh_add(m, &id, (wr_mono){at}));
}

void learn(mesh *m, uint32_t device, uint32_t addr, uint64_t at) {
    wr_hash id = device_of(device);
    mesh_addr a = addr_of(addr);
    mesh_learn(m, &id, &a, (wr_mono){at});
}

void add_static(mesh *m, uint32_t addr, uint64_t at) {
    mesh_addr a = addr_of(addr);
    T_OK(mesh_add_static(m, &a, (wr_mono){at}));
}

mesh_dial dial_of(uint32_t device, uint32_t addr) {
    return (mesh_dial){.device = device_of(device), .addr = addr_of(addr)};
}

static void take_dial(mesh *m, uint32_t device, uint32_t addr, uint64_t at) {
    mesh_dial got, want = dial_of(device, addr);
    T_TRUE(mesh_next(m, (wr_mono){at}, &got));
    T_MEM(got.device.b, want.device.b, sizeof want.device.b);
    T_MEM(got.addr.b, want.addr.b, sizeof want.addr.b);
}

void expect_dial(mesh *m, uint32_t device, uint32_t addr, uint64_t at) {
    mesh_dial none;
    if (at > 0)
        T_FALSE(mesh_next(m, (wr_mono){at - 1}, &none));
    T_EQ(mesh_deadline(m).ms, at);
    take_dial(m, device, addr, at);
}

void expect_due(mesh *m, uint32_t device, uint32_t addr, uint64_t now) {
    T_TRUE(mesh_deadline(m).ms <= now);
    take_dial(m, device, addr, now);
}

void expect_none(mesh *m, uint64_t at) {
    mesh_dial none;
    T_FALSE(mesh_next(m, (wr_mono){at}, &none));
    T_TRUE(mesh_deadline(m).ms > at);
}

void expect_never(mesh *m) {
    mesh_dial none;
    T_TRUE(mesh_deadline(m).ms == WR_MONO_NEVER.ms);
    T_FALSE(mesh_next(m, (wr_mono){UINT64_MAX - 1}, &none));
}

uint64_t next_dial(mesh *m, uint32_t device, uint32_t addr) {
    uint64_t at = mesh_deadline(m).ms;
    T_TRUE(at != WR_MONO_NEVER.ms);
    expect_dial(m, device, addr, at);
    return at;
}

void dial_failed(mesh *m, uint32_t device, uint32_t addr, uint64_t at) {
    mesh_dial dial = dial_of(device, addr);
    mesh_failed(m, &dial, (wr_mono){at});
}

uint64_t up_ours(mesh *m, uint32_t device, uint64_t link_id, uint32_t addr, uint64_t at) {
    mesh_dial dial = dial_of(device, addr);
    return mesh_up(m, &dial.device, link_id, &dial, (wr_mono){at});
}

uint64_t up_theirs(mesh *m, uint32_t device, uint64_t link_id, uint64_t at) {
    wr_hash id = device_of(device);
    return mesh_up(m, &id, link_id, NULL, (wr_mono){at});
}

void down(mesh *m, uint32_t device, uint64_t link_id, uint64_t at) {
    wr_hash id = device_of(device);
    mesh_down(m, &id, link_id, (wr_mono){at});
}

bool has_link(const mesh *m, uint32_t device) {
    wr_hash id = device_of(device);
    return mesh_has_link(m, &id);
}
