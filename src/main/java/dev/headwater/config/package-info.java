/** Loads settings from one YAML file, overridden by environment variables. */
@NullMarked
package dev.headwater.config;

import org.jspecify.annotations.NullMarked;
