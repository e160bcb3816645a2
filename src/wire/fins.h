#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/modbus_dialect.h"

// FINS of Omron PLCs (CP, CJ, CS and, with their FINS port, NJ and NX): frames of FINS/UDP and FINS/TCP, the commands memory area
// read and write, addresses as the manuals print them, for both sides. No sockets, no clock.
//
// FINS/TCP := "FINS" length:u32 command:u32 error:u32 data        numbers high byte first; length: from `command` on
//   command 0 := client_node:u32                  the client's first message; 0: the PLC gives it a node number
//   command 1 := client_node:u32 server_node:u32  the answer to it
//   command 2 := a frame                          command 3: `error` says what was wrong; command 6: ignored
// frame    := ICF RSV GCT DNA DA1 DA2 SNA SA1 SA2 SID command:u16 data           FINS/UDP: one frame a datagram
// answer   := the same with the addresses turned around, then end_code:u16 data
// read     := 0101H area:u8 word:u16 bit:u8 count:u16             -> words, or bytes 0 and 1 in bit units
// write    := 0102H area:u8 word:u16 bit:u8 count:u16 data        -> nothing
//
// Sources: W342 (CS/CJ/CP communications commands: 5-2-2 area codes, 5-3-2 and 5-3-3 the commands, 5-1-3 end codes), W421
// (CS/CJ Ethernet units, construction of applications: 7-4 FINS/TCP) as public copies have them.
//   certain  frames, FINS/TCP, commands, end codes; areas CIO, W, H, A, D, T, C, E0 to EC.
//   likely   the codes of the banks ED to E18, which CJ2 alone has.
namespace gongshu::wire::fins {

inline constexpr std::uint16_t kPort = 9600;

// ---- places ----

enum class Area : std::uint8_t { cio, w, h, a, d, t, c, e };
inline constexpr std::uint8_t kCurrentBank = 0xff;  // of E: the one that the program has chosen
inline constexpr std::uint8_t kBankMax = 0x18;

struct Place {
    Area area = Area::d;
    std::uint8_t bank = 0;  // of E, else 0
    std::uint16_t number = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
};
struct Address {
    Place place;
    std::optional<std::uint8_t> bit;  // of a word
    friend bool operator==(const Address&, const Address&) = default;
};
// "D100", "D100.05", "CIO10.05", "10.05" (CIO), "W3.15", "H0", "A448", "E0_100", "EA_100", "E100" (the current bank), "T5",
// "C5", in any case. Code::invalid says what is wrong with which part and what would be right.
Result<Address> parse_address(std::string_view text);
std::string to_string(const Place& place);
std::string to_string(const Address& address);
// The first number that the area has not.
std::uint32_t end_of(Area area);
// Timers and counters have a present value, a word, and a completion flag, a bit of its own.
bool is_timer(Area area);
// Of A the first 448 words; flags of timers and counters aside.
bool is_read_only(const Place& place);

struct Layout {
    modbus::ValueCodec codec;
    bool is_flag = false;  // of T and C
    std::uint16_t words = 1;
};
// `form` as of modbus::parse_form(). Without one a bit is bool, T and C are their flag where the property is `boolean`, all
// else is i16. Values of 32 and 64 bits have their low word first, texts their first character in the high half of a
// word. Code::invalid says what does not suit and what to write.
Result<Layout> layout_of(const Address& address, const modbus::Form& form, bool boolean);

// ---- plans ----

struct PlanItem {
    Place place;
    std::uint16_t count = 1;  // words, of flags 1
    bool is_flag = false;
    std::size_t index = 0;  // the caller's own
};
// What lies together and is read at once: so many words, or flags, from `head` on.
struct Block {
    Place head;
    bool is_flag = false;
    std::uint16_t count = 1;
    std::vector<PlanItem> items;  // in order of address
};
struct PlanLimits {
    std::uint16_t words_max = 256;  // CP1 with its Ethernet option takes 268; a longer value has a block of its own
    std::uint16_t gap_max = 16;     // read for nothing to join two values
};
std::vector<Block> plan_blocks(std::vector<PlanItem> items, const PlanLimits& limits);

// ---- commands ----

struct Header {
    std::uint8_t icf = 0x80;
    std::uint8_t dna = 0, da1 = 0, da2 = 0;  // network, node, unit of who is spoken to
    std::uint8_t sna = 0, sa1 = 0, sa2 = 0;  // of who speaks
    std::uint8_t sid = 0;
    bool is_answer() const { return (icf & 0x40) != 0; }
    friend bool operator==(const Header&, const Header&) = default;
};

struct Request {
    bool writes = false;
    Place head;
    std::optional<std::uint8_t> bit;  // in bit units from this bit on; of T and C, any number: their flags
    std::uint16_t count = 1;
    std::vector<std::uint16_t> words;  // to write
    std::vector<std::uint8_t> bits;    // the same in bit units: 0 or 1 each
    friend bool operator==(const Request&, const Request&) = default;
};
struct Reply {
    std::uint16_t end_code = 0;  // as it came; is_done() tells whether it is an error
    std::vector<std::uint16_t> words;
    std::vector<std::uint8_t> bits;
    friend bool operator==(const Reply&, const Reply&) = default;
};
// Bits 6 and 7 say that the PLC has an error of its own and 15 that a relay has; the rest says what became of the command.
bool is_done(std::uint16_t end_code);

inline constexpr std::uint16_t kItemsMax = 999;  // of one request

// A frame. Code::invalid when there are too many items, or other values than items.
Result<Buffer> encode_request(const Header& header, const Request& request);
// For a server: what is asked, or the end code that the manuals want for it.
std::expected<Request, std::uint16_t> decode_request(Bytes frame);
// For a server: the answer to `asked`, a whole frame.
Buffer encode_reply(Bytes asked, const Reply& reply);

// Of a frame. Code::malformed when it is none.
Result<Header> decode_header(Bytes frame);
// For a client: checks the frame against what was asked. Code::malformed says how it differs. An end code is a value.
Result<Reply> decode_reply(const Request& asked, Bytes frame);

// What an end code means and what to do about it, for people. Code::unavailable where asking again may help, else
// Code::denied.
Error refusal(const Request& asked, std::uint16_t end_code);
// Whether less or another address may be answered.
bool is_of_address(std::uint16_t end_code);

// ---- FINS/TCP ----

enum class TcpCommand : std::uint32_t { client_node = 0, server_node = 1, frame = 2, error = 3, confirm = 6 };

struct TcpMessage {
    std::uint32_t command = 0;  // perhaps none of TcpCommand
    std::uint32_t error = 0;
    Bytes data;  // valid during the callback
};
Buffer encode_tcp(TcpCommand command, std::uint32_t error, Bytes data);
Buffer encode_nodes(TcpCommand command, std::uint32_t error, std::uint32_t client, std::uint32_t server);
// What the node numbers of a server_node message are: client, server.
Result<std::pair<std::uint8_t, std::uint8_t>> decode_nodes(const TcpMessage& message);
// Why a message of FINS/TCP has an error, for people.
Error tcp_refusal(std::uint32_t error);

// Cuts received bytes into messages.
// Lives:   one per connection. Threads: none of its own. Bounds: less than one message (kTcpBytesMax).
class TcpDecoder {
public:
    static constexpr std::size_t kTcpBytesMax = 16 + 2012;
    // Takes bytes in any split; calls `on_message` once per whole message, in order; it returns false to stop (the rest is
    // forgotten). Bytes that can be no FINS/TCP are Code::malformed: the connection must be closed.
    Result<void> feed(Bytes received, const std::function<bool(const TcpMessage&)>& on_message);
    void reset() { buffer_.clear(); }
    std::size_t buffered_bytes() const { return buffer_.size(); }

private:
    Buffer buffer_;
};

}  // namespace gongshu::wire::fins
