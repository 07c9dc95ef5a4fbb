@ Products and quotients outside the fast paths: zero, subnormal, infinite, NaN, next to overflow.
@ Called with the operands in r0 and r1; r4 and r5 are free.

    .section .text.__softfloat_armv6m_mul, "ax", %progbits
    .balign 4
    .type __softfloat_armv6m_mul, %function
    .thumb_func
__softfloat_armv6m_mul:
    push    {lr}
    movs    r4, r0
    eors    r4, r4, r1
    lsrs    r4, r4, #31
    lsls    r4, r4, #31             @ the sign
    @ The larger in magnitude into r0; both without sign, doubled.
    lsls    r0, r0, #1
    lsls    r1, r1, #1
    cmp     r0, r1
    bhs     1f
    movs    r2, r0
    movs    r0, r1
    movs    r1, r2
1:  movs    r2, #255
    lsls    r2, r2, #24             @ infinity
    cmp     r0, r2
    bhi     .Lslow_nan
    bne     2f
    cmp     r1, #0
    beq     .Lslow_nan
    b       .Lslow_infinity
2:  cmp     r1, #0
    beq     .Lslow_zero
    bl      .Lslow_unpack_both
    adds    r2, r2, r3
    subs    r2, #126                @ the exponent of a product of at least two
    mov     r12, r2
    lsrs    r0, r0, #8
    lsrs    r1, r1, #8
    @ As in the fast path.
    lsrs    r2, r0, #16
    lsrs    r3, r1, #16
    uxth    r0, r0
    uxth    r1, r1
    movs    r5, r0
    muls    r5, r1, r5
    muls    r0, r3, r0
    muls    r1, r2, r1
    muls    r2, r3, r2
    adds    r0, r0, r1
    lsls    r1, r0, #16
    lsrs    r0, r0, #16
    adds    r5, r5, r1
    adcs    r0, r0, r2              @ r0:r5 is the product
    @ The first 32 bits, the last of them set if any later one is.
    lsls    r0, r0, #16
    lsrs    r1, r5, #16
    orrs    r0, r0, r1
    mov     r2, r12
    uxth    r3, r5
    b       .Lslow_sticky

    .type __softfloat_armv6m_div, %function
    .thumb_func
__softfloat_armv6m_div:
    push    {lr}
    movs    r4, r0
    eors    r4, r4, r1
    lsrs    r4, r4, #31
    lsls    r4, r4, #31
    lsls    r0, r0, #1
    lsls    r1, r1, #1
    movs    r2, #255
    lsls    r2, r2, #24
    cmp     r0, r2
    bhi     .Lslow_nan
    bne     1f
    cmp     r1, r2
    bhs     .Lslow_nan
    b       .Lslow_infinity
1:  cmp     r1, r2
    bhi     .Lslow_nan
    beq     .Lslow_zero
    cmp     r1, #0
    bne     2f
    cmp     r0, #0
    bne     .Lslow_infinity
.Lslow_nan:
    ldr     r0, .Lslow_quiet
    pop     {pc}
2:  cmp     r0, #0
    beq     .Lslow_zero
    bl      .Lslow_unpack_both
    subs    r2, r2, r3
    adds    r2, #127
    @ Bit by bit, the first is one.
    lsrs    r0, r0, #1
    lsrs    r1, r1, #1
    cmp     r0, r1
    bhs     3f
    lsls    r0, r0, #1
    subs    r2, #1
3:  movs    r3, #0
4:  lsls    r3, r3, #1
    cmp     r0, r1
    blo     5f
    subs    r0, r0, r1
    adds    r3, #1
5:  lsls    r0, r0, #1
    cmp     r3, #0
    bpl     4b
    movs    r1, r0
    movs    r0, r3
    movs    r3, r1

.Lslow_sticky:
    @ r3 is not zero: so is something beyond the last bit of r0.
    subs    r1, r3, #1
    sbcs    r3, r3, r1
    orrs    r0, r0, r3
    @ Bit 31 first.
    cmp     r0, #0
    bmi     1f
    lsls    r0, r0, #1
    subs    r2, #1
1:  @ r4: sign, r2: exponent, r0: mantissa, eight bits longer than it will be.
    cmp     r2, #255
    bge     .Lslow_infinity
    cmp     r2, #0
    bgt     3f
    @ Subnormal: shifted by one less the exponent.
    movs    r3, #1
    subs    r3, r3, r2
    cmp     r3, #26
    bls     2f
    movs    r3, #26
2:  movs    r1, r0
    lsrs    r0, r0, r3
    rsbs    r3, r3, #0
    adds    r3, #32
    lsls    r1, r1, r3
    subs    r3, r1, #1
    sbcs    r1, r1, r3
    orrs    r0, r0, r1
    movs    r2, #1
3:  subs    r2, #1
    lsls    r2, r2, #23
    orrs    r2, r2, r4
    lsrs    r1, r0, #8
    lsls    r3, r1, #31
    lsrs    r3, r3, #31             @ the last bit that stays
    lsls    r0, r0, #24
    lsrs    r0, r0, #24
    adds    r0, r0, r3
    adds    r0, #127                @ to the nearest; from a tie to the even one
    lsrs    r0, r0, #8
    adds    r0, r0, r1
    adds    r0, r0, r2
    pop     {pc}
.Lslow_infinity:
    movs    r0, #255
    lsls    r0, r0, #23
    orrs    r0, r0, r4
    pop     {pc}
.Lslow_zero:
    movs    r0, r4
    pop     {pc}

    @ From doubled magnitudes r0 and r1, not zero and finite: mantissas with bit 31 set; exponents in r2 and r3.
.Lslow_unpack_both:
    push    {lr}
    mov     r12, r0
    movs    r0, r1
    bl      .Lslow_unpack
    movs    r1, r0
    movs    r3, r2
    mov     r0, r12
    bl      .Lslow_unpack
    pop     {pc}
.Lslow_unpack:
    lsrs    r2, r0, #24
    lsls    r0, r0, #8
    lsrs    r0, r0, #1
    cmp     r2, #0
    beq     1f
    movs    r5, #1
    lsls    r5, r5, #31
    orrs    r0, r0, r5
    bx      lr
1:  movs    r2, #1
2:  subs    r2, #1
    lsls    r0, r0, #1
    bpl     2b
    bx      lr
    .balign 4
.Lslow_quiet:
    .word   0x7fc00000
    .size __softfloat_armv6m_mul, . - __softfloat_armv6m_mul
