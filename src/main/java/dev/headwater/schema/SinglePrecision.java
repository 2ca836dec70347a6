package dev.headwater.schema;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;

/**
 * Rounded to a float, which is what a network gives: the digits beyond are of its conversion to a
 * double, and take as long to write and to carry as those that say something.
 */
final class SinglePrecision extends StdSerializer<Double> {
  private static final long serialVersionUID = 1;

  SinglePrecision() {
    super(Double.class);
  }

  @Override
  public void serialize(Double value, JsonGenerator json, SerializerProvider provider)
      throws IOException {
    json.writeNumber(value.floatValue());
  }
}
