package dev.headwater.onnx;

/**
 * The element type of a tensor, in the order of ONNX's {@code TensorProto.DataType} codes.
 *
 * <p>{@link #UNDEFINED} stands for an undeclared type, and for values that are not tensors
 * (sequences, maps).
 */
public enum ElementType {
  UNDEFINED,
  FLOAT,
  UINT8,
  INT8,
  UINT16,
  INT16,
  INT32,
  INT64,
  STRING,
  BOOL,
  FLOAT16,
  DOUBLE,
  UINT32,
  UINT64,
  COMPLEX64,
  COMPLEX128,
  BFLOAT16,
  FLOAT8E4M3FN,
  FLOAT8E4M3FNUZ,
  FLOAT8E5M2,
  FLOAT8E5M2FNUZ,
  UINT4,
  INT4;

  private static final ElementType[] BY_CODE = values();

  static ElementType of(int code) {
    return code > 0 && code < BY_CODE.length ? BY_CODE[code] : UNDEFINED;
  }
}
