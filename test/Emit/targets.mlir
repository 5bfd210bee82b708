// Each processor gets its own instructions and no other's, whatever the host is.

// RUN: winnow-compile %s --quiet --target-cpu=x86-64-v3 --emit=asm -o %t.v3.s
// RUN: FileCheck %s --check-prefix=V3 --input-file=%t.v3.s
// RUN: winnow-compile %s --quiet --target-cpu=x86-64-v4 --emit=asm -o %t.v4.s
// RUN: FileCheck %s --check-prefix=V4 --input-file=%t.v4.s
// RUN: winnow-compile %s --quiet --target-cpu=icelake-server --emit=asm -o %t.vnni.s
// RUN: FileCheck %s --check-prefix=VNNI --input-file=%t.vnni.s
// RUN: winnow-compile %s --quiet --target-cpu=sapphirerapids --emit=asm -o %t.spr.s
// RUN: FileCheck %s --check-prefix=VNNI --input-file=%t.spr.s
// RUN: winnow-compile %s --quiet --target-cpu=sapphirerapids --activations=f32 --emit=asm -o %t.f32.s
// RUN: FileCheck %s --check-prefix=F32 --input-file=%t.f32.s

// V3-NOT: {{%zmm|%k[0-7]|vpdpbusd}}
// V3:     vpmaddubsw {{.*}}%ymm
// V3-NOT: {{%zmm|%k[0-7]|vpdpbusd}}

// V4-NOT: vpdpbusd
// V4:     vpmaddubsw {{.*}}%zmm
// V4-NOT: vpdpbusd

// VNNI-NOT: vpmaddubsw
// VNNI:     vpdpbusd {{.*}}%zmm
// VNNI-NOT: vpmaddubsw

// Activations that are not rounded have no integer products.
// F32-NOT: {{vpdpbusd|vpmaddubsw}}
// F32:     vfmadd{{.*}}%zmm
// F32-NOT: {{vpdpbusd|vpmaddubsw}}

winnow.param @w from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<q8_0>>

func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x32xf32> {winnow.name = "y", winnow.dims = ["T"]})
    attributes {winnow.entry} {
  %w = winnow.use @w : tensor<32x64xf32, #winnow.encoding<q8_0>>
  %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
