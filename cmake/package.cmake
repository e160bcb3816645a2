# gongshu_bundled: the program as it is handed out by tools/package.sh. Linked like gongshu, but every library that Debian has as
# an archive is inside; of the others the .so files lie beside it, found by $ORIGIN, so that one build runs on machines whose
# libraries have other versions. Only glibc comes from the machine. Not part of `all`.
set(archives ${CMAKE_BINARY_DIR}/archives)
file(REMOVE_RECURSE ${archives})
file(MAKE_DIRECTORY ${archives})
foreach(library boost_json boost_container soci_core soci_sqlite3 sqlite3 yaml-cpp argon2 udunits2 expat ssh2 ssl crypto z fmt simdjson
        date-tz qrencode jpeg png)
  find_library(archive_${library} NAMES lib${library}.a)
  if(archive_${library})
    file(CREATE_LINK ${archive_${library}} ${archives}/lib${library}.a SYMBOLIC)
  endif()
endforeach()

# Its -L stands before the folders of the system, and nothing but archives lies there.
add_executable(gongshu_bundled EXCLUDE_FROM_ALL src/app/main/main.cpp)
gongshu_flags(gongshu_bundled)
set_target_properties(gongshu_bundled PROPERTIES OUTPUT_NAME gongshu RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bundled
  BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "\$ORIGIN/../lib/gongshu")
# RPATH, not RUNPATH: it also holds for what the libraries beside the program need of each other.
target_link_options(gongshu_bundled PRIVATE -L${archives} -Wl,--disable-new-dtags -Wl,--as-needed -Wl,--build-id=sha1)
target_link_libraries(gongshu_bundled PRIVATE gs_app gs_web_files gs_demo_files expat)
