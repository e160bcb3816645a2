// What wire and connect say of instruments of AIBUS, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"a request of AIBUS has {} bytes, expected {}", "AIBUS 请求有 {0} 字节，应为 {1} 字节"},
    {"0x{} is no request of AIBUS", "0x{0=} 不是 AIBUS 请求"},
    {"the sum of a request of AIBUS is 0x{:04x}, expected 0x{:04x}", "AIBUS 请求的校验为 0x{0=}，应为 0x{1=}"},
    {"an answer of AIBUS has {} bytes, expected {}", "AIBUS 应答有 {0} 字节，应为 {1} 字节"},
    {"the sum of the answer is 0x{:04x}, of instrument {} it would be 0x{:04x}",
     "应答的校验为 0x{0=}，仪表 {1=} 的应为 0x{2=}"},
    {"\"{}\" is nothing that an instrument of AIBUS tells: expected PV, SV, MV, status, status.0 to status.7, "
     "alarm.HIAL (LoAL, dHAL, dLAL, orAL), a parameter by name ({}) or by its code such as 1BH",
     "“{0}”不是 AIBUS 仪表能给出的内容：应为 PV、SV、MV、status、status.0 到 status.7、alarm.HIAL（LoAL、dHAL、dLAL、orAL）、"
     "参数名（{1=}）或参数代号（如 1BH）"},
    {"\"{}\" is no address of an instrument of AIBUS: expected its parameter Addr, a number from 0 to {}",
     "“{0}”不是 AIBUS 仪表的地址：应为其参数 Addr，0 到 {1} 的数"},
    {"property {}: {} is told by the instrument, it cannot be written", "属性 {0=}：{1=} 由仪表给出，不能写"},
    {"read {} of instrument {}", "读仪表 {1=} 的 {0=}"},
    {"instrument {} has no parameter {}: it answers {:04X}H in its place",
     "仪表 {0=} 没有参数 {1=}：它在此处应答 {2=}H"},
    {"nothing came; check its parameters Addr and bAud, the serial settings (usually 9600 8N1) and the polarity of A and B",
     "什么也没收到；应检查其参数 Addr 和 bAud、串口参数（通常为 9600 8N1）和 A、B 极性"},
    {"what came is no answer of it; check whether it is set to AIBUS and not to Modbus, the serial settings, and "
     "whether two instruments have the same Addr",
     "收到的不是它的应答；应检查它是否设为 AIBUS 而不是 Modbus、串口参数，以及是否有两台仪表的 Addr 相同"},
    {"only the request itself came back; check its parameters Addr and bAud, the serial settings (usually 9600 8N1) and "
     "the polarity of A and B",
     "只收到发出的请求本身；应检查其参数 Addr 和 bAud、串口参数（通常为 9600 8N1）和 A、B 极性"},
    {"no answer from instrument {} within {} ms: {}", "仪表 {0=} 在 {1} 毫秒内没有应答：{2}"},
    {"point.as: an instrument of AIBUS has whole numbers alone; leave it out, and write scale",
     "point.as：AIBUS 仪表只有整数；应去掉此项，并填写倍率 scale"},
    {"writable: {} is told by the instrument; write SV or a parameter, or leave it out",
     "writable：{0=} 由仪表给出；应写 SV 或某个参数，或去掉此项"},
};

}  // namespace

std::span<const Sentence> sentences_of_aibus() { return kSentences; }

}  // namespace gongshu::words
