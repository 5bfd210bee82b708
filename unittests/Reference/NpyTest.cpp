//===- NpyTest.cpp - NumPy array files ------------------------------------===//

#include "winnow/Reference/Npy.h"

#include "../Errors.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

using namespace winnow;

namespace {

class NpyTest : public testing::Test {
protected:
  NpyTest() {
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("winnow", "npy", path));
  }
  ~NpyTest() override { (void)llvm::sys::fs::remove(path); }

  void write(llvm::StringRef content) {
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << content;
    EXPECT_FALSE(error);
  }
  /// A file with this header and these data.
  std::string makeFile(llvm::StringRef header, llvm::StringRef data) {
    std::string file("\x93NUMPY\x01\x00", 8);
    file += char(header.size());
    file += '\0';
    return file + header.str() + data.str();
  }
  std::string messageOfReading() { return messageOf(readNpy(path)); }

  llvm::SmallString<128> path;
};

TEST_F(NpyTest, RoundTrip) {
  Tensor numbers(ElementKind::F32, {2, 3});
  for (auto [i, number] : llvm::enumerate(numbers.mutableFloats()))
    number = 0.5f * i - 1;
  llvm::cantFail(writeNpy(path, numbers));
  Tensor read = llvm::cantFail(readNpy(path));
  EXPECT_EQ(read.kind(), ElementKind::F32);
  EXPECT_EQ(read.shape(), numbers.shape());
  EXPECT_EQ(read.floats(), numbers.floats());

  for (ElementKind kind :
       {ElementKind::I1, ElementKind::I32, ElementKind::I64}) {
    Tensor integers(kind, {3});
    integers.mutableIntegers()[1] = 1;
    integers.mutableIntegers()[2] = kind == ElementKind::I1 ? 0 : -7;
    llvm::cantFail(writeNpy(path, integers));
    Tensor again = llvm::cantFail(readNpy(path));
    EXPECT_EQ(again.kind(), kind);
    EXPECT_EQ(again.integers(), integers.integers());
  }
}

TEST_F(NpyTest, ScalarsAndEmptyArrays) {
  llvm::cantFail(writeNpy(path, Tensor::scalar(2.5f)));
  Tensor scalar = llvm::cantFail(readNpy(path));
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.floats()[0], 2.5f);
  llvm::cantFail(writeNpy(path, Tensor(ElementKind::I32, {0, 4})));
  EXPECT_EQ(llvm::cantFail(readNpy(path)).shape(),
            llvm::ArrayRef<int64_t>({0, 4}));
}

TEST_F(NpyTest, BadFiles) {
  write("PK");
  EXPECT_NE(messageOfReading().find("expects a NumPy file"), std::string::npos);
  write(llvm::StringRef("\x93NUMPY\x01\x00\xff\x00{", 11));
  EXPECT_NE(messageOfReading().find("ends inside its header"),
            std::string::npos);
  llvm::StringRef header = "{'descr': '<f4', 'fortran_order': False, "
                           "'shape': (2,), }";
  write(makeFile(header, "12345678"));
  EXPECT_EQ(messageOfReading(), "");
  write(makeFile(header, "1234567"));
  EXPECT_NE(messageOfReading().find("as many elements"), std::string::npos);
  write(makeFile("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",
                 "12345678"));
  EXPECT_NE(messageOfReading().find("expects elements of"), std::string::npos);
  write(makeFile("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }",
                 "12345678"));
  EXPECT_NE(messageOfReading().find("row-major"), std::string::npos);
  write(makeFile("{'descr': '<f4', 'fortran_order': False, "
                 "'shape': (4294967296, 4294967296), }",
                 ""));
  EXPECT_NE(messageOfReading().find("as many elements"), std::string::npos);
  (void)llvm::sys::fs::remove(path);
  EXPECT_NE(messageOfReading().find("No such file"), std::string::npos);
}

} // namespace
