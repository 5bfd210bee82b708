winnow.param @w from {random = 1 : i64} : tensor<64x64xf32, #winnow.encoding<q8_0>>

func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x64xf32> {winnow.name = "y", winnow.dims = ["T"]})
    attributes {winnow.entry} {
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
    %w = winnow.use @w : tensor<64x64xf32, #winnow.encoding<q8_0>>
    %f = winnow.linear %u, %w : tensor<?x64xf32>, tensor<64x64xf32, #winnow.encoding<q8_0>> -> tensor<?x64xf32>
    winnow.yield %f : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
