// What sql: SQL over the history, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"parameters: expected a list", "parameters: 应为列表"},
    {"parameters: expected texts, numbers, true, false or null", "parameters: 应为文本、数字、true、false 或 null"},
    {"limit: expected a whole number of 1 to {}", "limit: 应为 1 至 {0} 的整数"},
    {"timeout: at most {} s", "timeout: 最多 {0} 秒"},
    {"this server answers no SQL", "这台服务器不回答 SQL"},
    {"{}: expected a time", "{0}: 应为时间"},
    {"more than {} {}: ask for a part of the time, as in {}(since := now() - INTERVAL 30 DAY)",
     "{1} 超过 {0} 行：只查一段时间，例如 {2}(since := now() - INTERVAL 30 DAY)"},
    {"the other process is gone", "另一个进程已不在"},
    {"nothing came in time", "没有按时收到内容"},
    {"cannot read from the other process", "无法读取另一个进程的内容"},
    {"cannot make a channel to {}", "无法建立与 {0} 的通道"},
    {"this is started by the server, not by hand", "它由服务器启动，不能手动运行"},
    {"cannot open the library {}: {}", "无法打开程序库 {0}：{1}"},
    {"no reason told", "没有说明原因"},
    {"the library has no {}: it is too old or too new", "程序库中没有 {0}：版本太旧或太新"},
    {"cannot limit the {} of a worker", "无法限制工作进程的 {0}"},
    {"cannot give up rights", "无法放弃权限"},
    {"this kernel does not let a program give up system calls (seccomp): {}",
     "这个内核不允许程序放弃系统调用（seccomp）：{0}"},
    {"SQL needs libduckdb.so beside the program, and there is none: install the package of the program again, or build "
     "it with tools/deps.sh build (x86-64 and arm64 with glibc)",
     "SQL 需要程序旁边的 libduckdb.so，现在没有：重新安装程序包，或先运行 tools/deps.sh build "
     "再构建（glibc 的 x86-64 和 arm64）"},
    {"the statement has more than {} KB", "语句超过 {0} KB"},
    {"the statement has more than {} parameters", "语句的参数超过 {0} 个"},
    {"the statement holds a zero byte", "语句中有零字节"},
    {"{} SQL statements run already: wait until one has ended", "已有 {0} 条 SQL 语句在运行：等其中一条结束"},
    {"SQL statements of {} tenants run already: try again soon", "已有 {0} 个企业的 SQL 语句在运行：稍后再试"},
    {"a frame of kind {} between the processes of SQL", "SQL 进程之间出现类型为 {0} 的数据帧"},
    {"a broken frame of kind {} between the processes of SQL", "SQL 进程之间出现类型为 {0} 的损坏数据帧"},
    {"a frame of {} bytes between the processes of SQL", "SQL 进程之间出现 {0} 字节的数据帧"},
    {"every: is missing; aggregates need buckets, as in every := '1m'",
     "every: 缺少；聚合需要时间段，例如 every := '1m'"},
    {"{}: its type has no such aggregates", "{0}: 它的类型没有这些聚合"},
    {"since: is missing; say from when on", "since: 缺少；说明从何时起"},
    {"every: has to be more than nothing, as in '1m'", "every: 应大于零，例如 '1m'"},
    {"tags: expected a text or a list of texts", "tags: 应为文本或文本列表"},
    {"tags: is missing; give the path of a tag, a glob or a list of them",
     "tags: 缺少；给出点位路径、通配符或它们的列表"},
    {"the SQL worker ended in the middle of the statement: {}", "SQL 工作进程在执行语句途中结束：{0}"},
    {"there is no table {}", "没有表 {0}"},
    {"a statement reads more than {} tables at once", "一条语句同时读取的表超过 {0} 个"},
    {"{} has no column {}", "{0} 没有第 {1} 列"},
    {"the statement reads more than {} rows of the history: narrow its time or its tags",
     "语句读取的历史超过 {0} 行：缩小时间或点位的范围"},
    {"{} are read by the role {} and above", "读取 {0} 需要角色 {1} 或更高"},
    {"the statement was cancelled", "语句已取消"},
    {"the SQL worker sent what it may not", "SQL 工作进程发来了不允许的内容"},
    {"the answer has more than {} rows: narrow it, or end it with LIMIT",
     "结果超过 {0} 行：缩小范围，或在末尾加 LIMIT"},
    {"the answer has more than {} MB: narrow it, or end it with LIMIT",
     "结果超过 {0} MB：缩小范围，或在末尾加 LIMIT"},
    {"the statement took longer than {} s: narrow its time or its tags", "语句执行超过 {0} 秒：缩小时间或点位的范围"},
    {"nobody took the answer for {} s", "{0} 秒内没有人取走结果"},
    {"{}() is not available here: a statement reads the tables of the platform only",
     "这里不能用 {0}()：语句只能读取平台的表"},
    {"there are no files here: a statement reads the tables of the platform only",
     "这里没有文件：语句只能读取平台的表"},
    {"there is no statement", "没有语句"},
    {"these are {} statements: send one at a time", "这里有 {0} 条语句：一次发送一条"},
    {"there is no value", "没有值"},
    {"the statement nests too deep", "语句嵌套太深"},
    {"only SELECT, FROM, WITH, VALUES, DESCRIBE and SUMMARIZE can be asked: nothing is changed through SQL",
     "只能使用 SELECT、FROM、WITH、VALUES、DESCRIBE 和 SUMMARIZE：不能用 SQL 改动任何内容"},
    {"the parameter ${} has a name: number them, as in $1", "参数 ${0} 用了名字：用编号，例如 $1"},
    {"the parameter ${} was given no value", "没有给出参数 ${0} 的值"},
    {"the value of parameter ${} does not fit", "参数 ${0} 的值不合适"},
    {"the SQL engine gives no connection", "SQL 引擎没有给出连接"},
    {"a time of the answer lies outside of the years 1678 to 2262", "结果中有时间超出 1678 至 2262 年"},
    {"a row of the answer has more than {} MB: leave out or shorten its texts",
     "结果的一行超过 {0} MB：去掉或缩短其中的文本"},
    {"{}: say from when on; in WHERE beside it, as in ts >= now() - INTERVAL 1 HOUR, or as an argument, as in "
     "history(tags := 'plant/**', since := now() - INTERVAL 1 HOUR)",
     "{0}: 说明从何时起；写在它旁边的 WHERE 中，例如 ts >= now() - INTERVAL 1 HOUR，或写成参数，例如 "
     "since := now() - INTERVAL 1 HOUR"},
    {"the SQL engine does not take \"{}\": {}", "SQL 引擎不接受“{0}”：{1}"},
    {"the SQL engine does not take the function {}", "SQL 引擎不接受函数 {0}"},
    {"the SQL library does not know the option {}", "SQL 程序库没有选项 {0}"},
    {"the SQL engine does not start: {}", "SQL 引擎无法启动：{0}"},
};

}  // namespace

std::span<const Sentence> sentences_of_sql() { return kSentences; }

}  // namespace gongshu::words
