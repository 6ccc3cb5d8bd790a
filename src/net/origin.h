#pragma once

#include "base/origin.h"
