/* What the disk lost of this home, and the owner is told: answered entries that wait in the tail
 * and do not open any more, and keys that entries are sealed under.
 *
 * Both are looked for at a start, the tail also when an entry of it cannot be signed, and found
 * again for as long as the cause is there: nothing is kept but the owner's "seen" (alerts.c).
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/damage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/diag.h"
#include "flow/hub_impl.h"
#include "flow/members.h"

static void tell(hub *h, const char *text) {
    hub_tell(h, &(hub_event){.type = HUB_EV_ALERT, .text = text});
}

/* ---- the tail ---------------------------------------------------------------------------- */

static void say_tail(const hub *h, char text[HUB_ALERT_TEXT_MAX]) {
    snprintf(text, HUB_ALERT_TEXT_MAX,
             "%" PRIu64 " of the entries that wait to be signed %s damaged on the disk (store.db): "
             "no sibling gets %s; append them anew; reject: seen",
             h->damage.tail, h->damage.tail == 1 ? "is" : "are",
             h->damage.tail == 1 ? "it" : "them");
}

typedef struct tail_check {
    hub *hub;
    damage_state found;
    uint8_t plain[WR_BODY_BYTES_MAX + WR_NAME_BYTES_MAX + 64u];
} tail_check;

static wr_err check_tail(void *ctx, const store_tail *tail) {
    tail_check *check = ctx;
    uint8_t name_bytes[WR_NAME_BYTES_MAX];
    wr_buf plain = WR_BUF_ARRAY(check->plain), name = WR_BUF_ARRAY(name_bytes);
    wr_slice kind, body;
    wr_err err = reader_open_tail(check->hub->reader, tail, &plain, &kind, &body);
    wr_wipe(check->plain, plain.len);
    if (err == WR_OK)
        err = reader_log_name(check->hub->reader, tail->log_id, &name);
    if (err == WR_ERR_IO || err == WR_ERR_NOMEM)
        return err;
    if (err == WR_OK)
        return WR_OK;
    if (check->found.tail++ == 0)
        check->found.tail_ms = tail->hlc >> 16;
    check->found.tail_mix ^= tail->hlc;
    return WR_OK;
}

wr_err damage_tail(hub *h) {
    char text[HUB_ALERT_TEXT_MAX];
    uint64_t before = h->damage.tail;
    tail_check *check = calloc(1, sizeof *check);
    if (check == NULL)
        return WR_ERR_NOMEM;
    check->hub = h;
    wr_err err = store_each_tail(h->store, 0, check_tail, check);
    if (err == WR_OK) {
        h->damage.tail = check->found.tail;
        h->damage.tail_ms = check->found.tail_ms;
        h->damage.tail_mix = check->found.tail_mix;
    }
    free(check);
    WR_TRY(err);
    say_tail(h, text);
    if (h->damage.tail > before)
        tell(h, text);
    return WR_OK;
}

/* Another set of entries is another alert, within the characters that people are shown. */
static hub_alert tail_alert(const hub *h) {
    hub_alert alert = {.id = wr_self_identity(h->self)->device_id,
                       .type = HUB_ALERT_TAIL_DAMAGED,
                       .device = wr_self_identity(h->self)->device_id,
                       .ms = h->damage.tail_ms,
                       .entries = h->damage.tail};
    for (uint32_t i = 0; i < 8; i++)
        alert.id.b[i] ^= (uint8_t)(h->damage.tail_mix >> (8u * i));
    alert.id.b[HUB_SHORT_ID_BYTES - 1] ^= 0x80u;
    say_tail(h, alert.text);
    return alert;
}

/* ---- keys ---- */

static void say_key(const wr_hash *epoch_id, uint64_t entries, char text[HUB_ALERT_TEXT_MAX]) {
    char id[HUB_SHORT_ID_SIZE];
    hub_short_id(epoch_id, id);
    snprintf(text, HUB_ALERT_TEXT_MAX,
             "the key of epoch %s is not in keys.db: %" PRIu64 " %s here cannot be read until a "
             "sibling sends it again; reject: seen",
             id, entries, entries == 1 ? "entry that is" : "entries that are");
}

/* How many entries are here under an epoch whose key was here and is not any more.  One that has
 * not come yet is no damage: entries may be faster. */
static wr_err count_unread(hub *h, const wr_hash *epoch_id, uint64_t *ret_entries) {
    uint8_t key[HUB_META_KEY_SIZE], value[HUB_VOLUME_SIZE];
    wr_buf out = WR_BUF_ARRAY(value);
    *ret_entries = 0;
    if (wr_keyring_has(wr_self_keyring(h->self), epoch_id))
        return WR_OK;
    wr_err err = store_get_meta(h->store, hub_meta_key(HUB_META_KEYED, epoch_id, key), &out);
    if (err != WR_OK)
        return err == WR_ERR_UNKNOWN ? WR_OK : err;
    out.len = 0;
    err = store_get_meta(h->store, hub_meta_key(HUB_META_VOLUME, epoch_id, key), &out);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err);
    *ret_entries = wr_load_u64(value);
    return WR_OK;
}

static wr_err find_missing(hub *h) {
    const wr_generations *generations = wr_self_generations(h->self);
    h->damage.key_count = 0;
    for (uint32_t i = 0; i < wr_generations_epoch_count(generations); i++) {
        const wr_hash *epoch_id = wr_generations_epoch_id(generations, i);
        uint64_t entries;
        WR_TRY(count_unread(h, epoch_id, &entries));
        if (entries != 0 && h->damage.key_count < DAMAGE_KEYS_MAX)
            h->damage.keys[h->damage.key_count++] = *epoch_id;
    }
    return WR_OK;
}

/* A newer epoch holds the keys of those before it (circle.md 6.1): each one that is found so may
 * lead to the next. */
static wr_err follow_histories(hub *h) {
    const wr_keyring *keyring = wr_self_keyring(h->self);
    for (uint32_t i = 0; i < wr_keyring_count(keyring); i++) {
        uint8_t key[HUB_META_KEY_SIZE], bytes[WR_HISTORY_BYTES_MAX];
        wr_buf blob = WR_BUF_ARRAY(bytes);
        WR_SECRET(wr_key) secret;
        wr_hash epoch_id = *wr_keyring_epoch(keyring, i);
        wr_err err =
            store_get_meta(h->store, hub_meta_key(HUB_META_HISTORY, &epoch_id, key), &blob);
        if (err == WR_ERR_UNKNOWN || !wr_keyring_secret(keyring, &epoch_id, &secret))
            continue;
        WR_TRY(err);
        err = wr_self_add_history(h->self, &epoch_id, &secret, wr_buf_slice(&blob));
        if (err != WR_OK && err != WR_ERR_EXISTS)
            return err;
    }
    return hub_drain(h);
}

/* A key that is missing is no reason not to start: siblings are asked for it (sync.md 2.10). */
static wr_err damage_keys(hub *h) {
    WR_TRY(find_missing(h));
    if (h->damage.key_count == 0)
        return WR_OK;
    WR_TRY(follow_histories(h));
    WR_TRY(find_missing(h));
    for (uint32_t i = 0; i < h->damage.key_count; i++) {
        char text[HUB_ALERT_TEXT_MAX];
        uint64_t entries;
        WR_TRY(count_unread(h, &h->damage.keys[i], &entries));
        say_key(&h->damage.keys[i], entries, text);
        tell(h, text);
    }
    return WR_OK;
}

static wr_err key_alert(hub *h, const wr_hash *epoch_id, hub_alert *ret_alert) {
    uint64_t entries;
    WR_TRY(count_unread(h, epoch_id, &entries));
    *ret_alert = (hub_alert){.id = *epoch_id,
                             .type = HUB_ALERT_KEY_MISSING,
                             .device = wr_self_identity(h->self)->device_id,
                             .entries = entries};
    say_key(epoch_id, entries, ret_alert->text);
    return WR_OK;
}

/* ---- both ---- */

wr_err damage_load(hub *h) {
    h->damage = (damage_state){0};
    WR_TRY(damage_keys(h));
    return h->tail_count != 0 ? damage_tail(h) : WR_OK;
}

wr_err damage_each(hub *h, hub_alert_fn fn, void *ctx) {
    if (h->damage.tail != 0) {
        hub_alert alert = tail_alert(h);
        WR_TRY(fn(ctx, &alert));
    }
    for (uint32_t i = 0; i < h->damage.key_count; i++) {
        hub_alert alert;
        WR_TRY(key_alert(h, &h->damage.keys[i], &alert));
        if (alert.entries != 0) /* else it came since */
            WR_TRY(fn(ctx, &alert));
    }
    return WR_OK;
}
