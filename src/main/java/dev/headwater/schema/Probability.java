package dev.headwater.schema;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;

/**
 * Writes a probability with the shortest digits that identify its float. Networks output floats;
 * the further digits of a double took a ninth of a prediction's bytes.
 */
final class Probability extends StdSerializer<Double> {
  Probability() {
    super(Double.class);
  }

  @Override
  public void serialize(Double value, JsonGenerator json, SerializerProvider provider)
      throws IOException {
    json.writeNumber(value.floatValue());
  }
}
