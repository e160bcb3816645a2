// What is said of CNC machines by SHDR, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"\"{}\" is no time: a line begins with one such as 2026-11-23T08:00:00Z, or with a bar",
     "“{0}”不是时间：每行以时间开头，例如 2026-11-23T08:00:00Z，或直接以竖线开头"},
    {"\"{}\" is no duration in seconds", "“{0}”不是以秒计的时长"},
    {"there are control characters in it: is this an adapter that speaks SHDR?",
     "其中有控制字符：对方是使用 SHDR 的适配器吗？"},
    {"it is not UTF-8: choose UTF-8 in the adapter, or texts of ASCII",
     "不是 UTF-8：在适配器里选 UTF-8，或只用 ASCII 文本"},
    {"there is neither key nor value in it", "其中没有键和值"},
    {"it has more than {} keys and values", "键和值超过 {0} 个"},
    {"its first key is empty", "第一个键为空"},
    {"key \"{}\" has no value", "键“{0}”没有值"},
    {"\"{}\" is no number", "“{0}”不是数"},
    {"\"{}\" is no whole number", "“{0}”不是整数"},
    {"it has more than {} values", "值超过 {0} 个"},
    {"a line of more than {} bytes", "一行超过 {0} 字节"},
    {"an asset of more than {} bytes, or its last line is missing: {}", "一个资产超过 {0} 字节，或缺少结束行 {1=}"},
    {"expected nothing (the value itself), run_state, level, code, severity, qualifier, text, message, message_code, "
     "series, x, y or z, found \"{}\"",
     "应为空（取值本身）、run_state、level、code、severity、qualifier、text、message、message_code、series、x、y 或 "
     "z，实际为“{0}”"},
    {"expected a key of the adapter such as execution or cnc1:execution, found \"{}\"",
     "应为适配器的键，例如 execution 或 cnc1:execution，实际为“{0}”"},
    {"expected at most {} keys, found {}", "最多 {0} 个键，实际 {1} 个"},
    {"{} is {}, which is not exactly {}", "{0=} 为 {1=}，不能准确表示为{2}"},
    {"\"{}\" is neither true nor false: expected TRUE, ON, YES, 1, FALSE, OFF, NO or 0",
     "“{0}”既不是真也不是假：应为 TRUE、ON、YES、1、FALSE、OFF、NO 或 0"},
    {"\"{}\" has {} coordinates, of which {} is none", "“{0}”有 {1} 个坐标，没有 {2=}"},
    {"the adapter has no value (UNAVAILABLE): the machine is off, or the adapter does not hear it",
     "适配器没有这个值（UNAVAILABLE）：机床已关机，或适配器与它不通"},
    {"an adapter of MTConnect is only listened to", "MTConnect 适配器只能接收，不能写入"},
    {"a line of the adapter cannot be read: {}", "适配器发来的一行无法读取：{0}"},
    {"a time series is count, rate and values, found {} fields", "时间序列应为个数、频率和值，实际 {0} 个字段"},
    {"{} of key \"{}\" is missing: it has {} fields", "键“{1}”缺少 {0=}：只有 {2} 个字段"},
    {"\"{}\" does not say whether the machine runs: take the key of its EXECUTION",
     "“{0}”不表示机床是否在运行：改用其 EXECUTION 的键"},
    {"the adapter has said nothing for {} ms, though it wants a heartbeat every {} ms",
     "适配器 {0} 毫秒没有发来任何内容，而它要求每 {1} 毫秒一次心跳"},
    {"the adapter has answered none of {} pings, though it did before", "适配器对 {0} 次心跳询问都没有回答，而之前有过回答"},
    {"nothing that is asked for came within {} ms: {}", "{0} 毫秒内没有收到要采集的内容：{1}"},
    {"nothing that is asked for came within {} ms, but keys that no property names: {}",
     "{0} 毫秒内没有收到要采集的内容，收到的是没有属性使用的键：{1=}"},
    {"within {} ms not all came that is asked for", "{0} 毫秒内没有收到全部要采集的内容"},
    {"the adapter said nothing within {} ms: is it the port of the adapter, usually 7878?",
     "适配器 {0} 毫秒内没有发来任何内容：端口是适配器的吗？通常为 7878"},
};

}  // namespace

std::span<const Sentence> sentences_of_shdr() { return kSentences; }

}  // namespace gongshu::words
