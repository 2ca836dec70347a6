package dev.headwater.onnx;

/** The model cannot be used as requested; the message has the reason and a fix, as sentences. */
public final class OnnxException extends Exception {
  private static final long serialVersionUID = 1;

  public OnnxException(String message) {
    super(message);
  }

  OnnxException(String message, Throwable cause) {
    super(message, cause);
  }
}
