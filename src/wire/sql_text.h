#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// What can be told of SQL by its words alone, as PostgreSQL divides it into them. Pure; linear in the text.
namespace gongshu::wire {

// One word of a text: comments and white space are left out.
struct SqlWord {
    enum class Kind : unsigned char {
        name,       // select, Ä, $1 is `parameter`
        quoted,     // "a name"
        text,       // 'a text', E'…', $tag$…$tag$
        number,     // 12.5e3
        parameter,  // $1
        sign,       // one character of punctuation
    };
    Kind kind = Kind::sign;
    std::string_view source;  // as it stands there, quotes included
    std::size_t at = 0;       // its first byte in the text
};

// The words of a text, at most `words_max`. A quote or comment that does not end goes to the end of the text.
std::vector<SqlWord> sql_words(std::string_view text, std::size_t words_max = SIZE_MAX);
// Whether a word is this one, a name in lower case or a sign; quoted names and texts are none.
bool is_sql_word(const SqlWord& word, std::string_view lower);
// What a text or a quoted name says: without quotes, doubled quotes single, escapes of E'…' undone.
std::string sql_unquoted(const SqlWord& word);

// The statements of a text, divided at semicolons; those without a word are left out.
std::vector<std::string_view> sql_statements(std::string_view text);

// The words with one space between, names in lower case, `pg_catalog.` and comments gone: two texts that are written
// alike but for space have the same. At most 64 KiB of it.
std::string sql_shape(std::string_view text);

// What a statement that the session itself answers begins with.
enum class SqlVerb : unsigned char {
    other,  // for the engine
    begin,
    commit,
    rollback,
    set,
    reset,
    show,
    discard,
    deallocate,
    savepoint,  // SAVEPOINT, RELEASE, ROLLBACK TO
    listen,     // LISTEN, UNLISTEN, NOTIFY
    close,
    declare,
    fetch,  // FETCH, MOVE
    copy,
    write,  // INSERT, UPDATE, DELETE, CREATE, DROP, …: what a reader may not
};
SqlVerb sql_verb(std::string_view statement);

}  // namespace gongshu::wire
