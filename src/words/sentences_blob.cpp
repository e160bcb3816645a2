// What files beside resources and cases say, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"this server keeps no files", "本服务器不保存文件"},
    {"owner: there is no {} \"{}\"", "owner：没有 {0=}“{1}”"},
    {"owner: expected kind:name, such as case:DR-12 or device:site/line1/cnc1, found \"{}\"",
     "owner：应为 种类:名称，如 case:DR-12 或 device:site/line1/cnc1，实际为“{0}”"},
    {"{} is closed: its files stay as they are", "{0=} 已关闭，其文件不再变动"},
    {"file {}: is not as it was kept: its SHA-256 differs from its name", "文件 {0=}：与保存时不同，SHA-256 与名称不符"},
    {"{} put it there: only they, or an engineer, may remove it", "文件由 {0=} 上传，只有其本人或工程师可以删除"},
    {"there is no file {} of {}", "{1=} 没有文件 {0=}"},
    {"the file has {}, at most {} are kept", "文件为 {0=}，最大 {1=}"},
    {"{} has {} files, more are not kept: remove some first", "{0=} 已有 {1} 个文件，不再接收：先删除一些"},
    {"the files of this tenant take {} of {}: there is no room for {} more",
     "本企业的文件已占 {1=} 中的 {0=}，放不下 {2=}"},
    {"the virus scan refused the file: {}", "病毒扫描未通过，文件被拒收：{0}"},
    {"it gives no reason", "扫描程序没有说明原因"},
    {"{} is held until the virus scan passes it: {}", "{0=} 暂不开放，等待病毒扫描通过：{1}"},
    {"the scan did not say what it is", "扫描程序没有给出结论"},
    {"the scan took more than {} s", "扫描超过 {0} 秒"},
    {"the scan ended with {}: {}", "扫描程序以 {0} 退出：{1}"},
    {"{}: has not the {} bytes that were kept", "{0=}：大小与保存时的 {1} 字节不符"},
    {"{}: is not as it was kept: its SHA-256 differs from its name", "{0=}：与保存时不同，SHA-256 与名称不符"},
    {"{}: {} bytes, expected {}", "{0=}：{1} 字节，应为 {2} 字节"},
    {"of {} there is no thumbnail", "{0=} 没有缩略图"},
    {"of {} no thumbnail is made", "{0=} 不生成缩略图"},
    {"{} is evidence of {}: it stays with it", "{0=} 是 {1=} 的证据，不能删除"},
    {"the picture cannot be decoded: {}", "图片无法解码：{0}"},
    {"the picture cannot be decoded: {} bytes a row", "图片无法解码：每行 {0} 字节"},
    {"the thumbnail cannot be encoded: {}", "缩略图无法生成：{0}"},
    {"the picture has no pixels", "图片没有像素"},
    {"the picture has {} x {} pixels, at most {} million are looked at", "图片为 {0} x {1} 像素，最多处理 {2} 百万像素"},
    {"no memory for a picture", "内存不足，无法处理图片"},
    {"a quote {} does not end", "引号 {0=} 没有结束"},
    {"expected a program and its arguments", "应为程序及其参数"},
    {"expected {} among the arguments: it stands for the file to look at", "参数中应有 {0=}，代表要检查的文件"},
    {"the body is a form: send the bytes of the file alone", "请求体是表单：应只发送文件内容"},
    {"the file is called {}, but its bytes are {}: send what it says it is",
     "文件标为 {0=}，内容却是 {1=}：内容须与所标类型一致"},
    {"it was called {}; its bytes are {}", "原标为 {0=}，内容是 {1=}"},
    {"keeping a file", "保存文件时"},
    {"a backup or another sweep is at work", "正在备份或清理"},
    {"{}: expected a list of files, found {}", "{0=}：应为文件列表，实际为 {1=}"},
    {"{}: {} files, at most {} are taken", "{0=}：{1} 个文件，最多 {2} 个"},
    {"{}: expected the ids of files", "{0=}：应为文件的编号"},
    {"{}: no files are kept here", "{0=}：本服务器不保存文件"},
    {"takes: {} holds files, which are given when the case is there", "takes：{0=} 是文件，须在事项建立后附上"},
    {"a list of files", "文件列表"},
};

}  // namespace

std::span<const Sentence> sentences_of_blob() { return kSentences; }

}  // namespace gongshu::words
