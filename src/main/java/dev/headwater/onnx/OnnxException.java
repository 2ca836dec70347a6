package dev.headwater.onnx;

/** The file cannot be used as asked; the message says why and what to do, in whole sentences. */
public final class OnnxException extends Exception {
  private static final long serialVersionUID = 1;

  public OnnxException(String message) {
    super(message);
  }

  OnnxException(String message, Throwable cause) {
    super(message, cause);
  }
}
