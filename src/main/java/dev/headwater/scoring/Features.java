package dev.headwater.scoring;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The output of one backbone run; valid until the run's result is closed. Not thread-safe. */
final class Features {
  private final OrtSession.Result result;
  private final Map<List<String>, float[][]> rows = new HashMap<>();

  Features(OrtSession.Result result) {
    this.result = result;
  }

  OnnxTensor at(String name) throws OrtException {
    OnnxValue value =
        result.get(name).orElseThrow(() -> new OrtException("the model has no output " + name));
    return (OnnxTensor) value;
  }

  /**
   * Returns the concatenated values of these tensors, one array per record. Tasks that share the
   * tensors share the arrays.
   *
   * @param size number of values per record
   */
  float[][] rows(List<String> names, int size) throws OrtException {
    float[][] cached = rows.get(names);
    if (cached == null) {
      cached = copy(names, size);
      rows.put(names, cached);
    }
    return cached;
  }

  private float[][] copy(List<String> names, int size) throws OrtException {
    float[][] copies = new float[0][];
    int at = 0;
    for (String name : names) {
      OnnxTensor tensor = at(name);
      int records = (int) tensor.getInfo().getShape()[0];
      FloatBuffer values = tensor.getFloatBuffer();
      int width = values.remaining() / Math.max(1, records);
      if (at == 0) {
        copies = new float[records][size];
      }
      if (copies.length != records || at + width > size) {
        throw sizeMismatch(tensor, size - at);
      }
      for (float[] record : copies) {
        values.get(record, at, width);
      }
      at += width;
    }
    if (at != size) {
      throw sizeMismatch(at(names.get(names.size() - 1)), size);
    }
    return copies;
  }

  private static OrtException sizeMismatch(OnnxTensor tensor, int expected) {
    return new OrtException(
        "the model output has shape "
            + Arrays.toString(tensor.getInfo().getShape())
            + ", expected "
            + expected
            + " values per record");
  }
}
