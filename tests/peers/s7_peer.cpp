// Our codec of S7 at one end of a real socket, for tests/e2e/s7_test.py:
//   s7_peer serve                      a CPU on a free port of this machine, which it says as {"port":…}; until killed
//   s7_peer talk HOST:PORT TSAP PDU    does what stands on its input, a line each, and says what came of it; asks for
//                                      messages of PDU bytes
//     read DB1.DBD4 real number        lines of this kind that follow each other are read together
//     write DB1.DBD4 real number 25.5
//     who
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <sstream>

#include "connect/s7_talk.h"
#include "connect/sim_s7.h"

namespace gongshu {
namespace {

using namespace wire::s7;

struct Line {
    std::string verb, address, type, kind, value;
};

void say(const std::string& text) { std::cout << text << std::endl; }

int fail(const std::string& text) {
    std::cerr << "s7_peer: " << text << "\n";
    return 1;
}

// What the tests of both directions expect to be there.
void furnish(connect::SimS7& cpu) {
    cpu.pdu_bytes_max = 480;
    cpu.blocks[1].resize(1000);
    cpu.blocks[2].resize(100);
    cpu.blocks[3].resize(8);
    cpu.optimised = {3};
    for (std::size_t i = 0; i < 1000; ++i) cpu.blocks[1][i] = static_cast<std::uint8_t>(i);
    const std::pair<const char*, Value> values[] = {
        {"DB2.DBD0 real", 25.5},
        {"DB2.DBW4 int", std::int64_t{-7}},
        {"DB2.DBD6 dint", std::int64_t{123'456'789}},
        {"DB2.DBX10.3 bool", true},
        {"DB2.DBB12 string[10]", std::string("O102")},
        {"DB2.DBB24 lreal", 0.1},
        {"DB2.DBB32 dtl", std::string("2026-03-01T15:30:59.5")},
        {"MW10 word", std::int64_t{4660}},
        {"M0.1 bool", true},
        {"T5 s5time", std::int64_t{127'000}},
        {"C3 counter", std::int64_t{42}},
    };
    for (const auto& [place, value] : values) {
        std::string address, type;
        std::istringstream(place) >> address >> type;
        const Write write = encode_value(parse_variable(address, type).value(), value).value();
        if (type.starts_with("string")) cpu.blocks[2][12] = 10;
        cpu.write(write.item, write.data);
    }
}

int serve(io::Loop& loop) {
    connect::SimS7 cpu(loop, {"127.0.0.1", 0});
    furnish(cpu);
    say(fmt::format("{{\"port\":{}}}", cpu.address().port));
    loop.run();
    return 0;
}

Value value_of(const Line& line) {
    if (line.kind == "text") return line.value;
    if (line.kind == "boolean") return line.value == "true";
    if (line.kind == "integer") return std::int64_t{std::stoll(line.value)};
    return std::stod(line.value);
}

// Goes through the lines, one conversation.
class Talker {
public:
    Talker(io::Loop& loop, const io::Address& address, const Tsaps& tsaps, std::uint16_t pdu_bytes,
           std::vector<Line> lines)
        : loop_(loop),
          lines_(std::move(lines)),
          talk_(
              loop, address, tsaps,
              [this](Result<Reply> reply) {
                  say(reply ? fmt::format("agreed {}", talk_.pdu_bytes()) : reply.error().text());
                  reply ? next() : loop_.stop();
              },
              pdu_bytes) {}

private:
    void next() {
        if (at_ == lines_.size()) return loop_.stop();
        const Line& line = lines_[at_];
        if (line.verb == "read") return read();
        ++at_;
        line.verb == "write" ? write(line) : who();
    }

    void read() {
        std::vector<PlanValue> values;
        std::vector<Variable> variables;
        for (; at_ < lines_.size() && lines_[at_].verb == "read"; ++at_) {
            variables.push_back(parse_variable(lines_[at_].address, lines_[at_].type).value());
            values.push_back({read_item(variables.back()), values.size()});
        }
        const std::size_t first = at_ - values.size();
        talk_.read(values, [this, variables, first](std::vector<Result<Buffer>> got) {
            for (std::size_t i = 0; i < got.size(); ++i) {
                const Line& line = lines_[first + i];
                if (!got[i]) {
                    say(fmt::format("{}: {}", line.address, got[i].error().text()));
                    continue;
                }
                const auto value = decode_value(variables[i], *got[i], *parse_value_type(line.kind));
                say(fmt::format("{} = {}", line.address, value ? gongshu::to_string(*value) : value.error().text()));
            }
            next();
        });
    }

    void write(const Line& line) {
        const auto write = encode_value(parse_variable(line.address, line.type).value(), value_of(line));
        if (!write) return say(line.address + ": " + write.error().text()), next();
        const auto requests = plan_writes({*write}, {.pdu_bytes = talk_.pdu_bytes()});
        for (std::size_t i = 0; i < requests.size(); ++i)
            talk_.ask(requests[i],
                      [this, line, is_last = i + 1 == requests.size(), item = write->item](Result<Reply> reply) {
                          const auto* codes = reply ? std::get_if<ItemCodes>(&*reply) : nullptr;
                          const bool fine = codes != nullptr && codes->items[0] == ReturnCode::success;
                          if (codes == nullptr)
                              say(line.address + ": " + (reply ? "refused" : reply.error().text()));
                          else if (!fine)
                              say(line.address + ": " + explain(item, codes->items[0]).text());
                          if (fine && is_last) say(line.address + " written");
                          if (is_last) next();
                      });
    }

    void who() {
        talk_.identify([this](Result<Identity> who) {
            say(who ? fmt::format("{} | {} | {} | {}", who->order_number, who->firmware, who->module_type,
                                  who->system_name)
                    : who.error().text());
            next();
        });
    }

    io::Loop& loop_;
    std::vector<Line> lines_;
    std::size_t at_ = 0;
    connect::S7Talk talk_;
};

int talk(io::Loop& loop, const char* address, const char* tsap, const char* pdu_bytes) {
    const auto where = io::parse_address(address);
    const auto remote = parse_tsap(tsap);
    if (!where || !remote) return fail(!where ? where.error().text() : remote.error().text());
    std::vector<Line> lines;
    for (std::string text; std::getline(std::cin, text);) {
        Line line;
        std::istringstream in(text);
        in >> line.verb >> line.address >> line.type >> line.kind;
        std::getline(in >> std::ws, line.value);
        lines.push_back(line);
    }
    Talker talker(loop, *where, {0x0100, *remote}, static_cast<std::uint16_t>(std::stoi(pdu_bytes)), std::move(lines));
    loop.run();
    return 0;
}

}  // namespace
}  // namespace gongshu

int main(int argc, char** argv) {
    using namespace gongshu;
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    const std::string_view verb = argc > 1 ? argv[1] : "";
    if (verb == "serve" && argc == 2) return serve(*loop);
    if (verb == "talk" && argc == 5) return talk(*loop, argv[2], argv[3], argv[4]);
    return fail("serve, or talk HOST:PORT TSAP PDU");
}
