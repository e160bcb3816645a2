// Snap7 at the other end, built by tests/e2e/s7_test.py from the sources that npm's node-snap7 carries:
//   snap7_peer serve PORT    its server, with what s7_peer is asked to read; until killed
//   snap7_peer talk PORT     its client, which reads and writes what s7_peer serves; says what is wrong, else "ok"
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "snap7.h"

namespace {

int wrong = 0;

void check(const char* what, bool fine, int code) {
    if (fine) return;
    ++wrong;
    std::printf("%s: 0x%x %s\n", what, code, CliErrorText(code).c_str());
}

int serve(int port) {
    static byte blocks[2][1000], memory[64], inputs[16], outputs[16], timers[32], counters[32];
    for (int i = 0; i < 1000; ++i) blocks[0][i] = static_cast<byte>(i);
    const byte real[] = {0x41, 0xcc, 0, 0};  // 25.5
    std::memcpy(blocks[1], real, 4);
    std::memcpy(blocks[1] + 12, "\x0a\x04O102", 6);
    memory[0] = 2;
    // Only the first: of others the server of Snap7 1.4 halves the number instead of doubling it.
    timers[0] = 0x21, timers[1] = 0x27;
    counters[0] = 0, counters[1] = 0x42;
    TS7Server server;
    word number = static_cast<word>(port);
    server.SetParam(p_u16_LocalPort, &number);
    server.RegisterArea(srvAreaDB, 1, blocks[0], 1000);
    server.RegisterArea(srvAreaDB, 2, blocks[1], 100);
    server.RegisterArea(srvAreaMK, 0, memory, sizeof memory);
    server.RegisterArea(srvAreaPE, 0, inputs, sizeof inputs);
    server.RegisterArea(srvAreaPA, 0, outputs, sizeof outputs);
    server.RegisterArea(srvAreaTM, 0, timers, 16);
    server.RegisterArea(srvAreaCT, 0, counters, 16);
    if (const int code = server.StartTo("127.0.0.1"); code != 0) return std::printf("cannot listen: 0x%x\n", code), 1;
    std::puts("ready");
    std::fflush(stdout);
    for (;;) pause();
}

int talk(int port) {
    TS7Client client;
    word number = static_cast<word>(port);
    client.SetParam(p_u16_RemotePort, &number);
    const int connected = client.ConnectTo("127.0.0.1", 0, 2);
    check("connect", connected == 0, connected);
    check("length of PDUs", client.PDULength() == 480, client.PDULength());

    byte block[1000] = {};
    int code = client.DBRead(1, 0, 1000, block);  // three of our messages
    bool same = code == 0;
    for (int i = 0; i < 1000; ++i) same = same && block[i] == static_cast<byte>(i);
    check("read DB1", same, code);
    byte written[600];
    for (int i = 0; i < 600; ++i) written[i] = static_cast<byte>(i * 7);
    code = client.DBWrite(1, 100, 600, written);
    check("write DB1", code == 0, code);
    code = client.DBRead(1, 0, 1000, block);
    check("DB1 as written",
          code == 0 && std::memcmp(block + 100, written, 600) == 0 && block[99] == 99 && block[700] == 188, code);

    byte data[4][16] = {};
    TS7DataItem items[] = {{S7AreaDB, S7WLByte, 0, 2, 12, 6, data[0]},
                           {S7AreaDB, S7WLByte, 0, 9, 0, 1, data[1]},
                           {S7AreaMK, S7WLBit, 0, 0, 1, 1, data[2]},
                           {S7AreaDB, S7WLByte, 0, 2, 98, 5, data[3]}};
    code = client.ReadMultiVars(items, 4);
    check("read many", code == 0, code);
    check("a string", items[0].Result == 0 && std::memcmp(data[0], "\x0a\x04O102", 6) == 0, items[0].Result);
    check("a block that is not there", items[1].Result == errCliItemNotAvailable, items[1].Result);
    check("a bit", items[2].Result == 0 && data[2][0] == 1, items[2].Result);
    check("behind the end", items[3].Result == errCliAddressOutOfRange, items[3].Result);
    byte bit = 1;
    code = client.WriteArea(S7AreaPA, 0, 7, 1, S7WLBit, &bit);
    check("write a bit", code == 0, code);
    byte outputs[2] = {};
    code = client.ABRead(0, 2, outputs);
    check("the bit as written", code == 0 && outputs[0] == 0x80 && outputs[1] == 0, code);
    word pair[2] = {};
    code = client.TMRead(5, 1, pair);
    check("a timer", code == 0 && reinterpret_cast<byte*>(pair)[0] == 0x21 && reinterpret_cast<byte*>(pair)[1] == 0x27,
          code);
    code = client.CTRead(3, 1, pair);
    check("a counter", code == 0 && reinterpret_cast<byte*>(pair)[1] == 0x42, code);
    TS7OrderCode order = {};
    code = client.GetOrderCode(&order);
    check("the order number", code == 0 && std::strncmp(order.Code, "6ES7 315-2EH14-0AB0", 19) == 0, code);
    TS7CpuInfo info = {};
    code = client.GetCpuInfo(&info);
    check("the CPU's name", code == 0 && std::strcmp(info.ModuleTypeName, "CPU 315-2 PN/DP") == 0, code);
    client.Disconnect();
    if (wrong == 0) std::puts("ok");
    return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::puts("snap7_peer serve|talk PORT"), 2;
    return std::strcmp(argv[1], "serve") == 0 ? serve(std::atoi(argv[2])) : talk(std::atoi(argv[2]));
}
