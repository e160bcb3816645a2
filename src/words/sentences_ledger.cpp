// What the ledger says, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"the ledger holds what happened in all places: only who has no limits of place may read it",
     "账本记着所有位置的事：只有不受位置限制的人才能查看"},
    {"what left is of all places: only who has no limits of place may read it",
     "数据去向涉及所有位置：只有不受位置限制的人才能查看"},
    {"reason: say in 1 to {} bytes why the text is deleted; it stays in the ledger",
     "reason：须用 1 至 {0} 字节说明删除原因；原因会留在账本里"},
    {"entry {} is no audit record but {}, and stays", "账本条目 {0} 不是审计记录，而是 {1}，须保留"},
    {"expected {{\"reason\": \"why the text is deleted\"}}", "应为 {{\"reason\": \"删除原因\"}}"},
    {"it is no anchor", "它不是锚定记录"},
    {"ledgers are anchored in each other by the tenant default alone, once an hour",
     "账本互相锚定只由 default 企业进行，每小时一次"},
    {"this server keeps no ledger", "本服务器不记账本"},
    {"the ledger takes no records: {}", "账本不再接收记录：{0}"},
    {"expected the number of an entry, found \"{}\"", "应为账本条目的编号，实际为“{0}”"},
    {"from: expected the size of the head that you keep", "from：应为所保存账本头的条目数"},
    {"there is no tenant number {}", "没有编号为 {0} 的企业"},
    {"as: expected json or html, found \"{}\"", "as：应为 json 或 html，实际为“{0}”"},
    {"cannot open the ledger of {}", "无法打开 {0=} 的账本"},
    {"name: expected one line, found \"{}\"", "name：应为一行，实际为“{0}”"},
    {"{}: it is the ledger of \"{}\", not of \"{}\"", "{0=}：这是“{1}”的账本，不是“{2}”的"},
    {"{} is missing", "缺少 {0=}"},
    {"{}: its header is damaged; restore it from a backup", "{0=}：文件头已损坏；从备份恢复"},
    {"{}: the record at byte {} is damaged; restore the file from a backup",
     "{0=}：第 {1} 字节处的记录已损坏；从备份恢复该文件"},
    {"{}: the head at byte {} is damaged; restore the file from a backup",
     "{0=}：第 {1} 字节处的账本头已损坏；从备份恢复该文件"},
    {"{}: a head was signed over {} entries, and only {} are there; restore it from a backup",
     "{0=}：账本头签过 {1} 条，现在只有 {2} 条；从备份恢复"},
    {"{}: the first {} entries are not those that a head was signed over; restore them from a backup",
     "{0=}：前 {1} 条与账本头签名时不同；从备份恢复"},
    {"entry {} redacts entry {}, which did not exist yet", "条目 {0} 抹去条目 {1}，而后者当时还不存在"},
    {"the ledger of {} is read-only: {}; see to the disk, then restart",
     "{0=} 的账本只读：{1}；先处理磁盘，再重新启动"},
    {"kind: expected up to {} of a-z 0-9 _ and dots, and not {}, found \"{}\"",
     "kind：应为至多 {0} 个 a-z 0-9 _ 和点，且不是 {1=}，实际为“{2}”"},
    {"body: it has {} bytes, more than {}", "body：有 {0} 字节，超过 {1}"},
    {"there is no entry {} in {}", "{1=} 的账本中没有条目 {0}"},
    {"entry {} was redacted by entry {} already", "条目 {0} 已由条目 {1} 抹去"},
    {"entry {} says what was redacted, and stays", "条目 {0} 记着抹去了什么，不能抹去"},
    {"the ledger of {} could not be opened, its files are as they lie: {}", "{0=} 的账本打不开，其文件按原样备份：{1}"},
    {"nobody tried", "尚未尝试"},
    {"there are no {} entries of {}, only {}", "{1=} 没有 {0} 条，只有 {2} 条"},
    {"{}: the record at byte {} is damaged", "{0=}：第 {1} 字节处的记录已损坏"},
    {"entry {} in {}", "{1=} 的条目 {0}"},
    {"expected the hash sha256 or sm3, found \"{}\"", "哈希应为 sha256 或 sm3，实际为“{0}”"},
    {"there are {} entries, not {}", "共有 {0} 条，不是 {1} 条"},
    {"entry {} is not among the first {}", "条目 {0} 不在前 {1} 条之中"},
    {"{} entries cannot be a beginning of {}", "{0} 条不可能是 {1} 条的开头"},
};

}  // namespace

std::span<const Sentence> sentences_of_ledger() { return kSentences; }

}  // namespace gongshu::words
