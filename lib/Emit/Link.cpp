//===- Link.cpp - Objects to libraries ------------------------------------===//

#include "Link.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <dlfcn.h>

using namespace llvm;

namespace winnow {

/// The shared library that contains this code, by its absolute path; empty in
/// a program that contains it itself.
static std::string containingLibrary() {
  static int anchor;
  Dl_info info;
  SmallString<256> path;
  // The loader knows libraries by a path, but a program by what it was called.
  if (!dladdr(&anchor, &info) || !info.dli_fname ||
      !StringRef(info.dli_fname).contains('/') ||
      sys::fs::real_path(info.dli_fname, path))
    return "";
  return path.str().str();
}

/// The runtime that artifacts contain: where an installation has it relative
/// to its library or its programs, else where the build put it.
static std::string runtimeArchive() {
  static int anchor;
  std::pair<std::string, StringRef> places[] = {
      {containingLibrary(), "winnow/libWinnowRuntime.a"},
      {sys::fs::getMainExecutable(nullptr, &anchor),
       WINNOW_INSTALLED_RUNTIME_ARCHIVE}};
  for (const auto &[binary, relative] : places) {
    SmallString<256> path(sys::path::parent_path(binary));
    sys::path::append(path, relative);
    sys::path::remove_dots(path, /*remove_dot_dot=*/true);
    if (!binary.empty() && sys::fs::exists(path))
      return path.str().str();
  }
  return WINNOW_RUNTIME_ARCHIVE;
}

/// A tool of the LLVM that Winnow was built with, else from PATH.
static Expected<std::string> findTool(StringRef name) {
  SmallString<256> path(WINNOW_LLVM_TOOLS_DIR);
  sys::path::append(path, name);
  if (sys::fs::can_execute(path))
    return path.str().str();
  for (const std::string &candidate : {name.str(), name.str() + "-22"})
    if (ErrorOr<std::string> found = sys::findProgramByName(candidate))
      return *found;
  return createStringError("cannot find the program '" + name + "'");
}

/// Runs a program and turns what it prints on failure into the error.
static Error run(StringRef program, ArrayRef<StringRef> arguments) {
  SmallString<128> log;
  if (std::error_code code =
          sys::fs::createTemporaryFile("winnow-link", "log", log))
    return createStringError(code, "cannot create a temporary file");
  scope_exit removeLog([&] { (void)sys::fs::remove(log); });
  SmallVector<StringRef> command = {program};
  append_range(command, arguments);
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log),
                                          StringRef(log)};
  std::string message;
  int status = sys::ExecuteAndWait(program, command, std::nullopt, redirects, 0,
                                   0, &message);
  if (status == 0)
    return Error::success();
  if (message.empty())
    if (auto buffer = MemoryBuffer::getFile(log))
      message = (*buffer)
                    ->getBuffer()
                    .take_until([](char c) { return c == '\n'; })
                    .str();
  return createStringError("linking failed: " + message);
}

Error linkSharedLibrary(ArrayRef<std::string> objects, StringRef soname,
                        StringRef exportedSymbol, StringRef output) {
  Expected<std::string> linker = findTool("ld.lld");
  if (!linker)
    return linker.takeError();
  std::string runtime = runtimeArchive();
  std::string keep = ("--undefined=" + exportedSymbol).str();
  SmallVector<StringRef> arguments = {"-shared",
                                      "--gc-sections",
                                      "--no-undefined",
                                      "--hash-style=gnu",
                                      "-z",
                                      "relro",
                                      "-z",
                                      "now",
                                      "-z",
                                      "noexecstack",
                                      "--exclude-libs",
                                      "ALL",
                                      "--build-id=sha1",
                                      "-soname",
                                      soname,
                                      keep,
                                      "-o",
                                      output};
  for (const std::string &object : objects)
    arguments.push_back(object);
  // The libraries themselves, not the linker scripts of their -dev packages.
  arguments.append({runtime, "--as-needed", "-L/lib/x86_64-linux-gnu",
                    "-L/usr/lib/x86_64-linux-gnu", "-L/lib64", "-L/usr/lib64",
                    "-l:libc.so.6", "-l:libm.so.6", "-l:ld-linux-x86-64.so.2"});
  return run(*linker, arguments);
}

Error linkStaticLibrary(ArrayRef<std::string> objects, StringRef exportedSymbol,
                        StringRef output) {
  Expected<std::string> linker = findTool("ld.lld");
  if (!linker)
    return linker.takeError();
  Expected<std::string> objcopy = findTool("llvm-objcopy");
  if (!objcopy)
    return objcopy.takeError();
  std::string merged = (output + ".o").str();
  scope_exit removeMerged([&] { (void)sys::fs::remove(merged); });
  std::string runtime = runtimeArchive();
  SmallVector<StringRef> arguments = {"-r", "-o", merged};
  for (const std::string &object : objects)
    arguments.push_back(object);
  arguments.append({"--whole-archive", runtime});
  if (Error error = run(*linker, arguments))
    return error;
  std::string keep = ("--keep-global-symbol=" + exportedSymbol).str();
  if (Error error = run(*objcopy, {keep, merged}))
    return error;
  Expected<NewArchiveMember> member =
      NewArchiveMember::getFile(merged, /*Deterministic=*/true);
  if (!member)
    return member.takeError();
  member->MemberName = "winnow.o";
  return writeArchive(output, *member, SymtabWritingMode::NormalSymtab,
                      object::Archive::K_GNU, /*Deterministic=*/true,
                      /*Thin=*/false);
}

} // namespace winnow
