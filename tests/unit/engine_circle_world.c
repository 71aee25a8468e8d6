/* Three devices of one circle that have met.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_circle_world.h"

device *a, *b, *c;

int circle_start(void **state) {
    (void)state;
    T_OK(wr_crypto_init());
    a = device_new(1);
    b = device_new(2);
    c = device_new(3);
    make_circle(a, b);
    add_device(a, c);
    wr_self_confirm(b->self);
    wr_self_confirm(c->self);
    meet(a, c, 90);
    meet(a, b, 91);
    meet(b, c, 92);
    return 0;
}

int circle_stop(void **state) {
    (void)state;
    device_free(a);
    device_free(b);
    device_free(c);
    return 0;
}

wr_hash write_epoch(const device *d) {
    const wr_hash *epoch_id = wr_self_write_epoch(d->self);
    T_TRUE(epoch_id != NULL);
    return *epoch_id;
}

bool holds(const device *d, const wr_hash *epoch_id) {
    return wr_keyring_has(wr_self_keyring(d->self), epoch_id);
}

wr_op_ref newest_op(const device *d) {
    const wr_graph *graph = wr_self_graph(d->self);
    return wr_graph_op(graph, wr_graph_op_count(graph) - 1);
}

wr_hash rotate(device *d) {
    T_OK(wr_self_rotate(d->self, world_now));
    (void)drain(d);
    return newest_op(d).id;
}

void remove_it(device *by, const device *target, wr_reason reason) {
    wr_removal removal = {
        .targets = &target->identity.device_id, .target_count = 1, .reason = reason};
    T_OK(wr_self_remove(by->self, &removal, world_now));
    (void)drain(by);
}

void tell_ops(const device *from, device *to) {
    const wr_generations *all = wr_self_generations(from->self);
    for (uint32_t i = 0; i < wr_generations_op_count(all); i++) {
        uint32_t number;
        wr_op_ref op = wr_generations_op(all, i, &number);
        T_OK(wr_self_admit(to->self, op.bytes, op.sig, world_now));
    }
    (void)drain(to);
}
