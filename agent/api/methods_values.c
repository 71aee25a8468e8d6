/* How ids, entries and devices look in the local API.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "api/methods_impl.h"
#include "base/text.h"

void methods_id_text(const wr_hash *id, char out[METHODS_ID_TEXT_SIZE]) {
    wr_buf text = wr_buf_of(out, METHODS_ID_TEXT_SIZE - 1);
    wr_err err = wr_base32_encode(WR_SLICE_OBJ(*id), &text);
    WR_ASSERT(err == WR_OK);
    out[text.len] = '\0';
}

warren_value *value_of_id(const wr_hash *id) {
    char text[METHODS_ID_TEXT_SIZE];
    methods_id_text(id, text);
    return warren_str(text);
}

warren_value *value_of_entry_id(const wr_hash *device, uint64_t hlc) {
    char id[METHODS_ID_TEXT_SIZE], text[METHODS_ID_TEXT_SIZE + 32];
    methods_id_text(device, id);
    snprintf(text, sizeof text, "%s:%llu", id, (unsigned long long)hlc);
    return warren_str(text);
}

warren_value *value_of_device(const wr_hash *id, wr_slice name) {
    warren_value *device = warren_map();
    warren_put(device, "id", value_of_id(id));
    warren_put(device, "name", value_of_slice(name));
    return device;
}

static wr_err add_name(void *ctx, const hub_device *device) {
    char id[METHODS_ID_TEXT_SIZE];
    methods_id_text(&device->device, id);
    return warren_put(ctx, id, value_of_slice(device->name)) ? WR_OK : WR_ERR_NOMEM;
}

warren_value *names_of(hub *h) {
    WR_AUTO(warren_value) names = warren_map();
    return names && hub_each_device(h, add_name, names) == WR_OK ? wr_steal(&names) : NULL;
}

warren_value *value_of_named(const warren_value *names, const wr_hash *id) {
    char text[METHODS_ID_TEXT_SIZE];
    methods_id_text(id, text);
    return value_of_device(id, value_slice(warren_find(names, text)));
}

warren_value *value_of_entry(wr_slice log, const hub_entry *entry) {
    warren_value *value = warren_map();
    warren_put(value, "log", value_of_slice(log));
    warren_put(value, "device", value_of_id(&entry->device));
    warren_put(value, "seq", entry->has_seq ? warren_uint(entry->seq) : warren_nil());
    warren_put(value, "id", value_of_entry_id(&entry->device, entry->hlc));
    warren_put(value, "time", warren_uint(entry->hlc >> 16));
    warren_put(value, "kind", value_of_slice(entry->kind));
    warren_put(value, "body", warren_bin(entry->body.ptr, entry->body.len));
    warren_put(value, "deleted", warren_bool(false));
    if (entry->ahead)
        warren_put(value, "ahead", warren_bool(true));
    if (entry->late)
        warren_put(value, "late", warren_bool(true));
    return value;
}

const char *methods_state_text(hub_state state) {
    switch (state) {
    case HUB_ONLINE:
        return "online";
    case HUB_MAILBOX:
        return "mailbox";
    case HUB_OFFLINE:
        return "offline";
    }
    WR_UNREACHABLE();
}

const char *methods_path_text(hub_path path) {
    switch (path) {
    case HUB_PATH_NONE:
        return "none";
    case HUB_PATH_LAN:
        return "lan";
    case HUB_PATH_DIRECT:
        return "direct";
    case HUB_PATH_RELAY:
        return "relay";
    }
    WR_UNREACHABLE();
}

/* ---- finding a device ------------------------------------------------------------------ */

#define PREFIX_MIN 4u

typedef struct finder {
    wr_slice wanted;
    uint32_t exact, prefix; /* how many matched */
    wr_hash device;
    bool this_device;
    char candidates[256];
} finder;

static void candidate(finder *f, const hub_device *device, const char *id) {
    size_t used = strlen(f->candidates);
    snprintf(f->candidates + used, sizeof f->candidates - used, "%s%.*s (%.8s)", used ? ", " : "",
             (int)device->name.len, (const char *)device->name.ptr, id);
}

static wr_err match(void *ctx, const hub_device *device) {
    finder *f = ctx;
    char id[METHODS_ID_TEXT_SIZE];
    methods_id_text(&device->device, id);
    wr_slice text = wr_slice_str(id);
    bool exact = wr_equal(f->wanted, device->name) || wr_equal(f->wanted, text);
    bool prefix = !exact && f->wanted.len >= PREFIX_MIN && f->wanted.len < text.len &&
                  wr_equal(f->wanted, wr_slice_of(text.ptr, f->wanted.len));
    if (!exact && !prefix)
        return WR_OK;
    /* A full name or id wins over the same text as a prefix of another id. */
    if (exact && f->exact == 0)
        f->candidates[0] = '\0';
    if (exact || f->exact == 0) {
        f->device = device->device;
        f->this_device = device->this_device;
        candidate(f, device, id);
    }
    f->exact += exact;
    f->prefix += prefix;
    return WR_OK;
}

wr_err find_device(hub *h, wr_slice wanted, wr_hash *ret_device, bool *ret_this, char *text,
                   size_t cap) {
    finder f = {.wanted = wanted};
    WR_TRY(hub_each_device(h, match, &f));
    uint32_t found = f.exact ? f.exact : f.prefix;
    if (found == 0) {
        snprintf(text, cap, "no device '%.*s'", (int)wanted.len, (const char *)wanted.ptr);
        return WR_ERR_UNKNOWN;
    }
    if (found > 1) {
        snprintf(text, cap, "'%.*s' is ambiguous: %s", (int)wanted.len, (const char *)wanted.ptr,
                 f.candidates);
        return WR_ERR_FORMAT;
    }
    *ret_device = f.device;
    *ret_this = f.this_device;
    return WR_OK;
}
