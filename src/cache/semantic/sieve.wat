;; Dot products of one vector of 8-bit numbers with chosen rows of a table, each times the scale of its row. $bytes is how long a
;; vector is, a multiple of 16; behind each row's numbers stand 16 bytes that begin with its scale. $slots lists the rows,
;; $scores receives one f32 for each. sieve.ts holds this module as it is assembled by wabt.
(module
  (import "env" "memory" (memory 1))
  (func (export "sieve") (param $query i32) (param $vectors i32) (param $slots i32) (param $count i32) (param $scores i32) (param $bytes i32)
    (local $end i32) (local $row i32) (local $q i32) (local $stop i32) (local $stride i32)
    (local $a v128) (local $b v128)
    (local.set $end (i32.add (local.get $slots) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $stop (i32.add (local.get $query) (local.get $bytes)))
    (local.set $stride (i32.add (local.get $bytes) (i32.const 16)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $slots) (local.get $end)))
        (local.set $row (i32.add (local.get $vectors) (i32.mul (i32.load (local.get $slots)) (local.get $stride))))
        (local.set $q (local.get $query))
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $b (v128.const i32x4 0 0 0 0))
        (loop $part
          (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_s
            (i16x8.extmul_low_i8x16_s (v128.load (local.get $row)) (v128.load (local.get $q))))))
          (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_s
            (i16x8.extmul_high_i8x16_s (v128.load (local.get $row)) (v128.load (local.get $q))))))
          (local.set $row (i32.add (local.get $row) (i32.const 16)))
          (local.set $q (i32.add (local.get $q) (i32.const 16)))
          (br_if $part (i32.lt_u (local.get $q) (local.get $stop))))
        (local.set $a (i32x4.add (local.get $a) (local.get $b)))
        (f32.store (local.get $scores)
          (f32.mul (f32.load (local.get $row)) (f32.convert_i32_s
            (i32.add
              (i32.add (i32x4.extract_lane 0 (local.get $a)) (i32x4.extract_lane 1 (local.get $a)))
              (i32.add (i32x4.extract_lane 2 (local.get $a)) (i32x4.extract_lane 3 (local.get $a)))))))
        (local.set $scores (i32.add (local.get $scores) (i32.const 4)))
        (local.set $slots (i32.add (local.get $slots) (i32.const 4)))
        (br $next)))))
