/* Fuzzes pairing: what people type, and what strangers send to an open window.
 *
 * Target: wr_pair_code_parse, wr_pair_uri_parse, wr_pairing_read at host and guest.
 * Input:  1 byte  what (mod 4), then
 *           0  a text, read as code and URI
 *           1  bytes for the host; a byte 0xff at the start of a piece ends the connection
 *           2  bytes for a guest
 *           3  1 byte which message of an honest run is changed, then what is added to its bytes
 * Oracle: no crash; a code that parses writes back and parses again, a URI is the text that is
 *         written for it, but for case; nobody joins by foreign bytes; an error is the end of a
 *         connection.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/recovery.h"
#include "engine/pairing.h"

#define PIECE 96u
#define WIRE_MAX (64u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wr_now now = {.mono = {1000}, .wall = {1700000000000ull}};
static uint64_t counter;

static void fill(void *ctx, uint8_t *out, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        counter = counter * 6364136223846793005ull + 1442695040888963407ull;
        out[i] = (uint8_t)(counter >> 56);
    }
}

static const wr_rng rng = {fill, NULL};

static void must(wr_err err) {
    WR_ASSERT(err == WR_OK);
}

static void drain(wr_self *self) {
    wr_put put;
    while (wr_self_pending(self))
        WR_ASSERT(wr_self_poll(self, &put));
}

static wr_self *found(void) {
    wr_identity me;
    wr_key rs = {{1}};
    wr_root root;
    wr_sign_key root_sign;
    wr_self *self = NULL;
    must(wr_crypto_init());
    counter = 1;
    wr_identity_make(&rng, &me);
    wr_recovery_root(&rs, &root);
    wr_recovery_sign_key(&rs, &root_sign);
    must(wr_self_new(&me, rng, &self));
    must(wr_self_found(self, &root, &root_sign, now));
    drain(self);
    return self;
}

static wr_pair_window *window_of(const wr_self *self) {
    wr_pair_window_config config = {.role = WR_ROLE_MEMBER};
    wr_pair_window *window = NULL;
    must(wr_pair_window_new(self, &config, now, &window));
    return window;
}

static wr_pair_guest *guest_of(const char *text) {
    wr_identity me;
    wr_pair_why why;
    wr_pair_guest *guest = NULL;
    wr_identity_make(&rng, &me);
    must(wr_pair_guest_new(wr_slice_str(text), &me, wr_slice_str("x"), rng, &guest, &why));
    return guest;
}

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static void fuzz_text(wr_slice text) {
    static uint8_t bytes[WR_PAIR_URI_BYTES_MAX];
    wr_pair_code code;
    wr_pair_uri uri;
    wr_pair_why why;
    wr_buf out = WR_BUF_ARRAY(bytes);
    if (wr_pair_code_parse(text, &code, &why) == WR_OK) {
        must(wr_pair_code_text(&code, &out));
        must(wr_pair_code_parse(wr_buf_slice(&out), &code, &why));
    }
    out.len = 0;
    if (wr_pair_uri_parse(text, &uri) == WR_OK) {
        must(wr_pair_uri_text(&uri, &out));
        WR_ASSERT(out.len == text.len);
        for (size_t i = 0; i < text.len; i++)
            WR_ASSERT(out.ptr[i] == lower(text.ptr[i]));
    }
}

static uint8_t wire[WIRE_MAX];

/* False: the connection is over. */
static bool turn(wr_pairing *p, wr_slice *in) {
    wr_pair_event event;
    wr_buf out = WR_BUF_ARRAY(wire);
    if (wr_pairing_write(p, &out, now) != WR_OK || wr_pairing_read(p, in, now) != WR_OK)
        return false;
    while (wr_pairing_poll(p, &event))
        WR_ASSERT(event.type == WR_PAIR_EV_BURNT);
    return true;
}

static void fuzz_host(wr_self *self, wr_slice bytes) {
    wr_pair_window *window = window_of(self);
    wr_pairing *p = NULL;
    while (bytes.len != 0) {
        wr_slice piece;
        if (p == NULL && wr_pairing_host_new(window, self, now, &p) != WR_OK)
            break;
        WR_ASSERT(wr_slice_take(&bytes, bytes.len < PIECE ? bytes.len : PIECE, &piece));
        if (piece.ptr[0] == 0xff || !turn(p, &piece)) {
            (void)!wr_pairing_closed(p);
            wr_pairing_free(p);
            p = NULL;
        }
    }
    wr_pairing_free(p);
    WR_ASSERT(!wr_pair_window_unsettled(window));
    wr_pair_window_free(window);
}

static void fuzz_guest(const wr_self *self, wr_slice bytes) {
    wr_pair_window *window = window_of(self);
    wr_pair_guest *guest =
        guest_of(bytes.len % 2 ? wr_pair_window_code(window) : wr_pair_window_uri(window));
    wr_pairing *p = NULL;
    must(wr_pairing_guest_new(guest, now, &p));
    wr_slice none = WR_SLICE_EMPTY;
    WR_ASSERT(turn(p, &none));
    (void)turn(p, &bytes);
    wr_pairing_free(p);
    wr_pair_guest_free(guest);
    wr_pair_window_free(window);
}

typedef struct honest {
    wr_self *self;
    wr_pairing *side[2]; /* the guest speaks first */
    unsigned message, changed;
    wr_slice change;
    bool differs, joined, done;
} honest;

static void events(honest *run, unsigned i) {
    wr_pair_event event;
    while (wr_pairing_poll(run->side[i], &event)) {
        if (event.type == WR_PAIR_EV_REQUEST)
            must(wr_pairing_answer(run->side[i], true, now));
        if (event.type == WR_PAIR_EV_JOINED) {
            run->joined = true;
            wr_self_free(event.self);
        }
        run->done = run->done || (i == 0 && event.type == WR_PAIR_EV_DONE);
        drain(run->self);
        if (event.type == WR_PAIR_EV_JOINED || event.type == WR_PAIR_EV_ADD_READY ||
            event.type == WR_PAIR_EV_PUBLISH)
            wr_pairing_stored(run->side[i]);
    }
}

/* One side speaks, the other one hears it, perhaps changed; false: nothing, or the end. */
static bool speak(honest *run, unsigned i) {
    wr_buf out = WR_BUF_ARRAY(wire);
    if (wr_pairing_write(run->side[i], &out, now) != WR_OK || out.len == 0)
        return false;
    for (size_t k = 0; run->message == run->changed && k < run->change.len && k < out.len; k++) {
        out.ptr[k] = (uint8_t)(out.ptr[k] + run->change.ptr[k]);
        run->differs = run->differs || run->change.ptr[k] != 0;
    }
    run->message++;
    wr_slice in = wr_buf_slice(&out);
    if (wr_pairing_read(run->side[1 - i], &in, now) != WR_OK)
        return false;
    events(run, 1 - i);
    events(run, i);
    return true;
}

static void fuzz_change(wr_slice bytes) {
    honest run = {.self = found()};
    uint8_t which;
    if (wr_slice_take_u8(&bytes, &which)) {
        wr_pair_window *window = window_of(run.self);
        wr_pair_guest *guest =
            guest_of(which & 16 ? wr_pair_window_code(window) : wr_pair_window_uri(window));
        run.changed = which % 10;
        run.change = bytes;
        must(wr_pairing_guest_new(guest, now, &run.side[0]));
        must(wr_pairing_host_new(window, run.self, now, &run.side[1]));
        for (bool more = true; more;) {
            more = speak(&run, 0);
            more = speak(&run, 1) || more;
        }
        WR_ASSERT(run.differs || run.done);
        WR_ASSERT(!run.differs || !run.done);
        wr_pairing_free(run.side[0]);
        wr_pairing_free(run.side[1]);
        wr_pair_guest_free(guest);
        wr_pair_window_free(window);
    }
    wr_self_free(run.self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static wr_self *self;
    if (self == NULL)
        self = found();
    if (size < 2 || size > 4096)
        return 0;
    counter = 2;
    wr_slice rest = wr_slice_of(data + 1, size - 1);
    if (data[0] % 4 == 0)
        fuzz_text(rest);
    if (data[0] % 4 == 1)
        fuzz_host(self, rest);
    if (data[0] % 4 == 2)
        fuzz_guest(self, rest);
    if (data[0] % 4 == 3)
        fuzz_change(rest);
    return 0;
}
