// RUN: winnow-opt %s --winnow-interpret -o /dev/null

func.func @floats() {
  %x = arith.constant dense<[3.0, -2.0]> : tensor<2xf32>
  %y = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %add = arith.addf %x, %y : tensor<2xf32>
  %e_add = arith.constant dense<[5.0, 2.0]> : tensor<2xf32>
  check.expect_eq %add, %e_add : tensor<2xf32>
  %sub = arith.subf %x, %y : tensor<2xf32>
  %e_sub = arith.constant dense<[1.0, -6.0]> : tensor<2xf32>
  check.expect_eq %sub, %e_sub : tensor<2xf32>
  %mul = arith.mulf %x, %y : tensor<2xf32>
  %e_mul = arith.constant dense<[6.0, -8.0]> : tensor<2xf32>
  check.expect_eq %mul, %e_mul : tensor<2xf32>
  %div = arith.divf %x, %y : tensor<2xf32>
  %e_div = arith.constant dense<[1.5, -0.5]> : tensor<2xf32>
  check.expect_eq %div, %e_div : tensor<2xf32>
  %neg = arith.negf %x : tensor<2xf32>
  %e_neg = arith.constant dense<[-3.0, 2.0]> : tensor<2xf32>
  check.expect_eq %neg, %e_neg : tensor<2xf32>
  %max = arith.maximumf %x, %y : tensor<2xf32>
  %e_max = arith.constant dense<[3.0, 4.0]> : tensor<2xf32>
  check.expect_eq %max, %e_max : tensor<2xf32>
  %min = arith.minimumf %x, %y : tensor<2xf32>
  %e_min = arith.constant dense<[2.0, -2.0]> : tensor<2xf32>
  check.expect_eq %min, %e_min : tensor<2xf32>
  %fma = math.fma %x, %y, %x : tensor<2xf32>
  %e_fma = arith.constant dense<[9.0, -10.0]> : tensor<2xf32>
  check.expect_eq %fma, %e_fma : tensor<2xf32>
  %greater = arith.cmpf ogt, %x, %y : tensor<2xf32>
  %chosen = arith.select %greater, %x, %y : tensor<2xi1>, tensor<2xf32>
  check.expect_eq %chosen, %e_max : tensor<2xf32>
  return
}

// maximumf propagates NaN, maxnumf does not; comparisons with NaN are
// unordered.
func.func @not_a_number() {
  %nan = arith.constant 0x7FC00000 : f32
  %one = arith.constant 1.0 : f32
  %maximum = arith.maximumf %nan, %one : f32
  check.expect_eq %maximum, %nan : f32
  %minimum = arith.minimumf %one, %nan : f32
  check.expect_eq %minimum, %nan : f32
  %maxnum = arith.maxnumf %nan, %one : f32
  check.expect_eq %maxnum, %one : f32
  %minnum = arith.minnumf %one, %nan : f32
  check.expect_eq %minnum, %one : f32
  %true = arith.constant true
  %false = arith.constant false
  %ordered = arith.cmpf oeq, %nan, %nan : f32
  check.expect_eq %ordered, %false : i1
  %unordered = arith.cmpf une, %nan, %one : f32
  check.expect_eq %unordered, %true : i1
  return
}

// Every sum is rounded to f32: 2^24 + 1 is 2^24.
func.func @rounding() {
  %big = arith.constant 16777216.0 : f32
  %one = arith.constant 1.0 : f32
  %sum = arith.addf %big, %one : f32
  check.expect_eq %sum, %big : f32
  return
}

func.func @math() {
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %four = arith.constant 4.0 : f32
  %exp = math.exp %one : f32
  %e_exp = arith.constant 2.71828175 : f32
  check.expect_eq %exp, %e_exp : f32
  %log = math.log %exp : f32
  check.expect_almost_eq %log, %one {relative = 1.0e-7} : f32
  %tanh = math.tanh %one : f32
  %e_tanh = arith.constant 0.761594176 : f32
  check.expect_eq %tanh, %e_tanh : f32
  %erf = math.erf %one : f32
  %e_erf = arith.constant 0.842700779 : f32
  check.expect_eq %erf, %e_erf : f32
  %sqrt = math.sqrt %four : f32
  check.expect_eq %sqrt, %two : f32
  %rsqrt = math.rsqrt %four : f32
  %half = arith.constant 0.5 : f32
  check.expect_eq %rsqrt, %half : f32
  %pow = math.powf %two, %two : f32
  check.expect_eq %pow, %four : f32
  %sin = math.sin %one : f32
  %e_sin = arith.constant 0.841470957 : f32
  check.expect_eq %sin, %e_sin : f32
  %tie = arith.constant 2.5 : f32
  %even = math.roundeven %tie : f32
  check.expect_eq %even, %two : f32
  %floor = math.floor %tie : f32
  check.expect_eq %floor, %two : f32
  %away = math.round %tie : f32
  %three = arith.constant 3.0 : f32
  check.expect_eq %away, %three : f32
  %ceil = math.ceil %tie : f32
  check.expect_eq %ceil, %three : f32
  return
}

func.func @integers() {
  %seven = arith.constant -7 : i32
  %two = arith.constant 2 : i32
  %div = arith.divsi %seven, %two : i32
  %e_div = arith.constant -3 : i32
  check.expect_eq %div, %e_div : i32
  %floor = arith.floordivsi %seven, %two : i32
  %e_floor = arith.constant -4 : i32
  check.expect_eq %floor, %e_floor : i32
  %ceil = arith.ceildivsi %seven, %two : i32
  check.expect_eq %ceil, %e_div : i32
  %rem = arith.remsi %seven, %two : i32
  %e_rem = arith.constant -1 : i32
  check.expect_eq %rem, %e_rem : i32
  // As an unsigned number −7 is 2^32 − 7.
  %divu = arith.divui %seven, %two : i32
  %e_divu = arith.constant 2147483644 : i32
  check.expect_eq %divu, %e_divu : i32
  %shift = arith.shrui %seven, %two : i32
  %e_shift = arith.constant 1073741822 : i32
  check.expect_eq %shift, %e_shift : i32
  %less = arith.cmpi ult, %seven, %two : i32
  %false = arith.constant false
  check.expect_eq %less, %false : i1
  %max = arith.maxsi %seven, %two : i32
  check.expect_eq %max, %two : i32
  return
}

// Results wrap at the width of their type.
func.func @wrapping() {
  %large = arith.constant 2147483647 : i32
  %sum = arith.addi %large, %large : i32
  %e_sum = arith.constant -2 : i32
  check.expect_eq %sum, %e_sum : i32
  return
}

func.func @casts() {
  %minus = arith.constant -2 : i32
  %wide = arith.extsi %minus : i32 to i64
  %e_wide = arith.constant -2 : i64
  check.expect_eq %wide, %e_wide : i64
  %unsigned = arith.extui %minus : i32 to i64
  %e_unsigned = arith.constant 4294967294 : i64
  check.expect_eq %unsigned, %e_unsigned : i64
  %narrow = arith.trunci %unsigned : i64 to i32
  check.expect_eq %narrow, %minus : i32
  %number = arith.sitofp %minus : i32 to f32
  %e_number = arith.constant -2.0 : f32
  check.expect_eq %number, %e_number : f32
  %back = arith.fptosi %number : f32 to i32
  check.expect_eq %back, %minus : i32
  %true = arith.constant true
  %minus_one = arith.extsi %true : i1 to i32
  %e_minus_one = arith.constant -1 : i32
  check.expect_eq %minus_one, %e_minus_one : i32
  %index = arith.index_cast %minus : i32 to index
  %e_index = arith.constant -2 : index
  check.expect_eq %index, %e_index : index
  return
}
