/* Addresses as text: one form each, and nothing else is accepted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "net/transport.h"

static void check(const char *text, const char *formatted) {
    net_addr addr;
    char out[NET_ADDR_TEXT_MAX];
    T_OK(net_addr_parse(wr_slice_str(text), &addr));
    net_addr_format(&addr, out);
    T_STR(out, formatted);
    net_addr again;
    T_OK(net_addr_parse(wr_slice_str(out), &again));
    T_TRUE(net_addr_equal(&addr, &again));
}

static void addresses_have_one_form(void **state) {
    (void)state;
    check("192.0.2.7:7117", "192.0.2.7:7117");
    check("0.0.0.0:0", "0.0.0.0:0");
    check("[::]:0", "[::]:0");
    check("[2001:DB8:0:0::1]:7117", "[2001:db8::1]:7117");
    check("[::ffff:192.0.2.7]:65535", "192.0.2.7:65535");
    check("[fe80::1%1]:7117", "[fe80::1%lo]:7117");
    check("[fe80::1%lo]:7117", "[fe80::1%lo]:7117");
    check("[fe80::1%4000000000]:1", "[fe80::1%4000000000]:1");
    check("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1",
          "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1");
}

static void anything_else_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "192.0.2.7",
        "192.0.2.7:",
        "192.0.2.7:65536",
        "192.0.2.7:-1",
        "192.0.2.7:1 ",
        " 192.0.2.7:1",
        "192.0.2:1",
        "192.0.2.256:1",
        "192.0.2.7:99999999999999999999",
        "example.org:1",
        "::1:7117",
        "[::1]",
        "[::1",
        "[::1]7117",
        "[]:1",
        "[192.0.2.7]:1",
        "[fe80::1%]:1",
        "[fe80::1%0]:1",
        "[fe80::1%no-such-interface-at-all]:1",
        "[2001:db8::1%lo]:1",
        "[::1%lo%lo]:1",
        "[1:2:3:4:5:6:7:8:9]:1",
    };
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        net_addr addr;
        T_ERR(net_addr_parse(wr_slice_str(bad[i]), &addr), WR_ERR_FORMAT);
    }
    net_addr addr;
    T_ERR(net_addr_parse(wr_slice_of("192.0.2.7\0:1", 12), &addr), WR_ERR_FORMAT);
}

static net_addr parsed(const char *text) {
    net_addr addr = {0};
    T_OK(net_addr_parse(wr_slice_str(text), &addr));
    return addr;
}

static void loopback_and_link_local_are_known(void **state) {
    (void)state;
    net_addr a = parsed("127.9.9.9:1"), b = parsed("[::1]:1"), c = parsed("192.0.2.7:1");
    net_addr d = parsed("169.254.1.1:1"), e = parsed("[fe80::1]:1"), f = parsed("[fec0::1]:1");
    T_TRUE(net_addr_is_loopback(&a));
    T_TRUE(net_addr_is_loopback(&b));
    T_FALSE(net_addr_is_loopback(&c));
    T_FALSE(net_addr_is_loopback(&e));
    T_TRUE(net_addr_is_link_local(&d));
    T_TRUE(net_addr_is_link_local(&e));
    T_FALSE(net_addr_is_link_local(&f));
    T_FALSE(net_addr_is_link_local(&c));
}

static void equality_looks_at_every_part(void **state) {
    (void)state;
    net_addr a = parsed("192.0.2.7:1"), b = parsed("192.0.2.8:1"), c = parsed("192.0.2.7:2");
    net_addr d = parsed("[fe80::1%1]:1"), e = parsed("[fe80::1%2]:1");
    net_addr none = {0}, other = {0};
    T_TRUE(net_addr_equal(&a, &a));
    T_FALSE(net_addr_equal(&a, &b));
    T_FALSE(net_addr_equal(&a, &c));
    T_FALSE(net_addr_equal(&d, &e));
    T_FALSE(net_addr_equal(&a, &none));
    T_TRUE(net_addr_equal(&none, &other));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_one_form),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(loopback_and_link_local_are_known),
        cmocka_unit_test(equality_looks_at_every_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
