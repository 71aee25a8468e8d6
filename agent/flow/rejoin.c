/* A home that was set back and cannot sign any more comes into its circle again, as a new device.
 *
 * Everything stays but the keys: what it holds, and what waits in the tail, which the new device
 * signs.  The order of the steps makes each end before the last one an end of the old device only.
 *
 * Spec:   proto/spec/sync.md 5.2
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/diag.h"
#include "flow/hub_impl.h"

wr_err hub_rejoin(hub *h, wr_slice code_or_uri, wr_slice name, const net_addr *peer,
                  hub_done_fn done, void *ctx) {
    WR_TRY(hub_ready(h));
    /* spec:sync#5.2 "A device MUST NOT come in again while it may sign, nor into another circle."
     */
    if (wr_self_may_sign(h->self) && members_is_in(h, &wr_self_identity(h->self)->device_id))
        return hub_fail(h, WR_ERR_EXISTS,
                        "this device is confirmed and signs: it need not come in again");
    if (h->host.window != NULL)
        return hub_fail(h, WR_ERR_BUSY, "a pairing is under way; end it first");
    return join_begin(h, code_or_uri, name, peer, true, done, ctx);
}

static wr_err check_circle(hub *h, const wr_self *fresh) {
    const wr_hash *ours = wr_graph_circle_id(wr_self_graph(h->self));
    if (h->host.window != NULL)
        return hub_fail(h, WR_ERR_BUSY, "a pairing is under way; end it first");
    return wr_hash_equal(ours, wr_graph_circle_id(wr_self_graph(fresh)))
               ? WR_OK
               : hub_fail(h, WR_ERR_REFUSED, "that device is of another circle");
}

static void end_links(hub *h) {
    for (conn *c = h->conns; c != NULL; c = c->next)
        if (!c->joins)
            pump_end(c, WR_ERR_CLOSED);
    hub_unload(h);
    mesh_free(h->mesh); /* it knows this device by its id */
    h->mesh = NULL;
}

/* What the pairing told, beside what is here, and whose tail this was. */
static wr_err store_fresh(hub *h, const wr_hash *former) {
    uint8_t key[HUB_META_KEY_SIZE], value[8];
    WR_TRY(hub_begin(h));
    WR_TRY(hub_drain(h));
    wr_store_u64(value, hub_now(h).wall.ms);
    WR_TRY(store_put_meta(h->store, hub_meta_key(HUB_META_FORMER, former, key),
                          wr_slice_of(value, sizeof value)));
    WR_TRY(rollback_forget(h));
    return hub_put_name(h, wr_slice_of(h->join.name, h->join.name_len));
}

wr_err rejoin_take(hub *h, wr_self *fresh) {
    const char *problem = "";
    wr_hash former = wr_self_identity(h->self)->device_id;
    wr_err err = check_circle(h, fresh);
    if (err == WR_OK)
        err = hub_commit(h); /* what this turn has done is the old device's */
    if (err != WR_OK) {
        wr_self_free(fresh);
        return err;
    }
    end_links(h);
    h->self = fresh;
    WR_TRY(store_fresh(h, &former));
    h->new_epochs = h->new_ops = false; /* nothing is read before it is loaded */
    WR_TRY(hub_commit(h));
    err = keystore_renew(h->keystore, &h->join.secrets, &problem);
    if (err != WR_OK)
        return hub_fail(h, err, "%s", problem);
    WR_TRY(hub_load(h));
    hub_tell(h, &(hub_event){.type = HUB_EV_CIRCLE_CHANGED});
    return WR_OK;
}
