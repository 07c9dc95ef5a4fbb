@ Comparisons: r0 = 1 where r0 equals, is less than, ... r1, else 0; 1 where they are unordered. No stack.
@
@ Two floats of one sign compare as their bits do, and a NaN's bits are beyond all others: only the one further
@ from zero can be a NaN if the bits say yes, and if they say no it is no, NaN or not.

@ Whether \a < \b, or, unless \strict, \a <= \b. Both registers and r2 change.
.macro SOFTFLOAT_ARMV6M_COMPARE name, a, b, strict
    .section .text.\name, "ax", %progbits
    .balign 4
    .global \name
    .type \name, %function
    .thumb_func
\name:
    movs    r2, \a
    eors    r2, r2, \b
    bmi     4f
    cmp     \a, #0
    bmi     2f
    cmp     \a, \b
    .if \strict
    bge     3f
    .else
    bgt     3f
    .endif
    movs    r2, #255
    lsls    r2, r2, #23             @ infinity
    cmp     \b, r2
    bgt     3f
1:  movs    r0, #1
    bx      lr
2:  @ Both negative.
    cmp     \a, \b
    .if \strict
    bls     3f
    .else
    blo     3f
    .endif
    lsls    \a, \a, #1
    movs    r2, #255
    lsls    r2, r2, #24             @ infinity, doubled
    cmp     \a, r2
    bls     1b
3:  movs    r0, #0
    bx      lr
4:  @ Opposite signs: the negative one is less, unless both are zero.
    movs    r2, \a
    orrs    r2, r2, \b
    lsls    r2, r2, #1
    .if \strict
    beq     3b
    .else
    beq     1b
    .endif
    cmp     \a, #0
    bpl     3b
    lsls    \a, \a, #1
    lsls    \b, \b, #1
    movs    r2, #255
    lsls    r2, r2, #24
    cmp     \a, r2
    bhi     3b
    cmp     \b, r2
    bls     1b
    b       3b
    .size \name, . - \name
.endm

SOFTFLOAT_ARMV6M_COMPARE __aeabi_fcmplt, r0, r1, 1
SOFTFLOAT_ARMV6M_COMPARE __aeabi_fcmpgt, r1, r0, 1
SOFTFLOAT_ARMV6M_COMPARE __aeabi_fcmple, r0, r1, 0
SOFTFLOAT_ARMV6M_COMPARE __aeabi_fcmpge, r1, r0, 0

    .section .text.__aeabi_fcmpeq, "ax", %progbits
    .balign 4
    .global __aeabi_fcmpeq
    .type __aeabi_fcmpeq, %function
    .thumb_func
__aeabi_fcmpeq:
    cmp     r0, r1
    bne     1f
    lsls    r0, r0, #1
    movs    r1, #255
    lsls    r1, r1, #24
    cmp     r0, r1
    bhi     2f
    movs    r0, #1
    bx      lr
1:  orrs    r0, r0, r1
    lsls    r0, r0, #1
    bne     2f
    movs    r0, #1
    bx      lr
2:  movs    r0, #0
    bx      lr
    .size __aeabi_fcmpeq, . - __aeabi_fcmpeq

    .section .text.__aeabi_fcmpun, "ax", %progbits
    .balign 4
    .global __aeabi_fcmpun
    .type __aeabi_fcmpun, %function
    .thumb_func
__aeabi_fcmpun:
    lsls    r0, r0, #1
    lsls    r1, r1, #1
    movs    r2, #255
    lsls    r2, r2, #24
    cmp     r0, r2
    bhi     1f
    cmp     r1, r2
    bhi     1f
    movs    r0, #0
    bx      lr
1:  movs    r0, #1
    bx      lr
    .size __aeabi_fcmpun, . - __aeabi_fcmpun
