/* Fuzzes addresses with ports, as people type them and pairing URIs and HELLOs carry them.
 *
 * Target: net_addr_parse, net_addr_format, net_addr_equal.
 * Input:  1 byte  what the rest is (mod 2): 0 a text, 1 family, scope and port (1, 1 and 2 bytes)
 *         and 16 bytes of an address.
 * Oracle: a refused text leaves the result as it was; an accepted one is an address of one form
 *         (no v4 in v6, nothing behind the 4 bytes of v4, a scope only where it means something),
 *         and its text is the same address again; so is the text of any address of that form.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/transport.h"

#include <string.h>

#define TEXT_BYTES_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_mapped(const net_addr *addr) {
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return addr->family == 6 &&
           wr_equal(wr_slice_of(addr->ip, sizeof prefix), wr_slice_of(prefix, sizeof prefix));
}

static bool has_one_form(const net_addr *addr) {
    if (addr->family == 4)
        return addr->scope == 0 && wr_is_zero(wr_slice_of(addr->ip + 4, sizeof addr->ip - 4));
    return addr->family == 6 && !is_mapped(addr) &&
           (addr->scope == 0 || net_addr_is_link_local(addr));
}

static void check_text_of(const net_addr *addr) {
    char text[NET_ADDR_TEXT_MAX];
    net_addr again;
    net_addr_format(addr, text);
    WR_ASSERT(net_addr_parse(wr_slice_str(text), &again) == WR_OK);
    WR_ASSERT(net_addr_equal(addr, &again));
    WR_ASSERT(has_one_form(&again));
    WR_ASSERT(net_addr_is_loopback(addr) == net_addr_is_loopback(&again));
}

static void check_text(wr_slice text) {
    net_addr addr, before;
    memset(&addr, 0x5a, sizeof addr);
    before = addr;
    if (net_addr_parse(text, &addr) != WR_OK) {
        WR_ASSERT(wr_equal(wr_slice_of(&addr, sizeof addr), wr_slice_of(&before, sizeof before)));
        return;
    }
    WR_ASSERT(has_one_form(&addr));
    check_text_of(&addr);
}

static void check_addr(wr_slice in) {
    net_addr addr = {0};
    wr_slice ip;
    uint8_t family, scope;
    if (!wr_slice_take_u8(&in, &family) || !wr_slice_take_u8(&in, &scope) ||
        !wr_slice_take_u16(&in, &addr.port) || !wr_slice_take(&in, sizeof addr.ip, &ip))
        return;
    addr.family = family % 2 == 0 ? 4 : 6;
    addr.scope = scope;
    memcpy(addr.ip, ip.ptr, ip.len);
    if (has_one_form(&addr))
        check_text_of(&addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > TEXT_BYTES_MAX)
        return 0;
    wr_slice rest = wr_slice_of(data + 1, size - 1);
    if (data[0] % 2 == 0)
        check_text(rest);
    else
        check_addr(rest);
    return 0;
}
