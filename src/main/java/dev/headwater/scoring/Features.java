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

/** What one run of the backbone gave, for as long as that run's memory lasts. Not thread-safe. */
final class Features {
  private final OrtSession.Result result;
  private final Map<List<String>, float[][]> rows = new HashMap<>();

  Features(OrtSession.Result result) {
    this.result = result;
  }

  OnnxTensor at(String name) throws OrtException {
    OnnxValue value =
        result.get(name).orElseThrow(() -> new OrtException("the network gives no " + name));
    return (OnnxTensor) value;
  }

  /**
   * The values of each record at these tensors, one after the other; of tasks that share them, the
   * same arrays.
   *
   * @param size of one record
   */
  float[][] rows(List<String> names, int size) throws OrtException {
    float[][] known = rows.get(names);
    if (known == null) {
      known = copy(names, size);
      rows.put(names, known);
    }
    return known;
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
        throw misfit(tensor, size - at);
      }
      for (float[] record : copies) {
        values.get(record, at, width);
      }
      at += width;
    }
    if (at != size) {
      throw misfit(at(names.get(names.size() - 1)), size);
    }
    return copies;
  }

  private static OrtException misfit(OnnxTensor tensor, int due) {
    return new OrtException(
        "the network gives "
            + Arrays.toString(tensor.getInfo().getShape())
            + " where "
            + due
            + " values a record are due");
  }
}
