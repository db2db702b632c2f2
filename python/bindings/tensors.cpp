// SPDX-License-Identifier: Apache-2.0
#include "tensors.hpp"

#include <algorithm>

#include "bindings.hpp"

namespace nb = nanobind;

namespace normdescent::python {
namespace {

// DLPack 1.2's tensor and the head of its exchange table (dlpack.h); fields by their names there.
struct DlDevice {
  std::int32_t device_type;
  std::int32_t device_id;
};
struct DlDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DlTensor {
  void* data;
  DlDevice device;
  std::int32_t ndim;
  DlDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct ExchangeTable {
  std::uint32_t major;
  std::uint32_t minor;
  ExchangeTable* previous;
  void* managed_tensor_allocator;
  void* managed_tensor_from_py_object;
  void* managed_tensor_to_py_object;
  int (*tensor_from_py_object)(void* object, DlTensor* out);
  void* current_work_stream;
};
constexpr std::int32_t kDlCpu = 1;
constexpr std::uint8_t kDlFloat = 2;
constexpr std::uint8_t kDlBfloat16 = 4;

// What was told by use_torch(). Types and dtypes live as long as torch, which is never unloaded.
struct Torch {
  PyTypeObject* tensor = nullptr;
  PyTypeObject* parameter = nullptr;
  PyObject* float32 = nullptr;
  PyObject* float64 = nullptr;
  PyObject* bfloat16 = nullptr;
  const ExchangeTable* table = nullptr;
  bool is_hashed_by_id = false;
};
Torch torch;

ElementType type_of(const DlDataType& type) {
  if (type.lanes != 1) return ElementType::other;
  if (type.code == kDlFloat && type.bits == 32) return ElementType::float32;
  if (type.code == kDlFloat && type.bits == 64) return ElementType::float64;
  if (type.code == kDlBfloat16 && type.bits == 16) return ElementType::bfloat16;
  return ElementType::other;
}

bool read_by_table(PyObject* object, TensorView& view) {
  DlTensor tensor{};
  if (torch.table->tensor_from_py_object(object, &tensor) != 0) {
    PyErr_Clear();
    return false;
  }
  if (tensor.device.device_type != kDlCpu || tensor.ndim > TensorView::kMaxDimensions) return false;
  view.data = static_cast<char*>(tensor.data) + tensor.byte_offset;
  view.type = type_of(tensor.dtype);
  view.dimensions = tensor.ndim;
  std::copy_n(tensor.shape, tensor.ndim, view.shape.begin());
  if (tensor.strides != nullptr) {
    std::copy_n(tensor.strides, tensor.ndim, view.strides.begin());
  } else {
    std::int64_t stride = 1;
    for (auto d = static_cast<std::size_t>(tensor.ndim); d-- > 0; stride *= view.shape[d]) view.strides[d] = stride;
  }
  return true;
}

/// A reference that is given back, and the end of an exception that nobody should see.
class Owned {
 public:
  explicit Owned(PyObject* object) : object_(object) {
    if (object == nullptr) PyErr_Clear();
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { Py_XDECREF(object_); }
  [[nodiscard]] PyObject* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_;
};

bool read_numbers(PyObject* tuple, std::array<std::int64_t, TensorView::kMaxDimensions>& numbers, int& count) {
  if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) > TensorView::kMaxDimensions) return false;
  count = static_cast<int>(PyTuple_GET_SIZE(tuple));
  for (int d = 0; d < count; ++d) {
    numbers[static_cast<std::size_t>(d)] = PyLong_AsLongLong(PyTuple_GET_ITEM(tuple, d));
    if (PyErr_Occurred() != nullptr) {
      PyErr_Clear();
      return false;
    }
  }
  return true;
}

bool read_by_methods(PyObject* object, TensorView& view) {
  const Owned is_cpu(PyObject_GetAttrString(object, "is_cpu"));
  if (is_cpu.get() != Py_True) return false;
  const Owned dtype(PyObject_GetAttrString(object, "dtype"));
  const Owned shape(PyObject_GetAttrString(object, "shape"));
  const Owned strides(PyObject_CallMethod(object, "stride", nullptr));  // sparse tensors have none
  const Owned data(PyObject_CallMethod(object, "data_ptr", nullptr));
  if (!dtype || !shape || !strides || !data) return false;
  view.type = dtype.get() == torch.float32    ? ElementType::float32
              : dtype.get() == torch.float64  ? ElementType::float64
              : dtype.get() == torch.bfloat16 ? ElementType::bfloat16
                                              : ElementType::other;
  int count = 0;
  if (!read_numbers(shape.get(), view.shape, view.dimensions)) return false;
  if (!read_numbers(strides.get(), view.strides, count) || count != view.dimensions) return false;
  view.data = PyLong_AsVoidPtr(data.get());
  return PyErr_Occurred() == nullptr;
}

}  // namespace

Index TensorView::size() const {
  Index product = 1;
  for (int d = 0; d < dimensions; ++d) product *= shape[static_cast<std::size_t>(d)];
  return product;
}

bool TensorView::is_contiguous() const {
  std::int64_t expected = 1;
  for (auto d = static_cast<std::size_t>(dimensions); d-- > 0;) {
    if (shape[d] == 1) continue;
    if (strides[d] != expected) return size() == 0;
    expected *= shape[d];
  }
  return true;
}

bool TensorView::is_dense() const {
  if (is_contiguous()) return true;
  // The dimension whose stride is what the ones before it fill, again and again.
  const auto count = static_cast<std::size_t>(dimensions);
  std::array<bool, kMaxDimensions> is_done{};
  std::int64_t expected = 1;
  for (std::size_t round = 0; round < count; ++round) {
    std::size_t next = count;
    for (std::size_t d = 0; d < count; ++d) {
      if (!is_done[d] && (shape[d] == 1 || strides[d] == expected)) next = d;
    }
    if (next == count) return false;
    is_done[next] = true;
    expected *= shape[next];
  }
  return true;
}

bool TensorView::has_shape(std::span<const Index> other) const {
  return std::equal(other.begin(), other.end(), shape.begin(), shape.begin() + dimensions);
}

bool TensorView::has_layout_of(const TensorView& other) const {
  if (dimensions != other.dimensions) return false;
  for (std::size_t d = 0; d < static_cast<std::size_t>(dimensions); ++d) {
    if (shape[d] != other.shape[d] || (shape[d] != 1 && strides[d] != other.strides[d])) return false;
  }
  return true;
}

bool read_tensor(PyObject* object, TensorView& view) {
  if (Py_TYPE(object) != torch.parameter && Py_TYPE(object) != torch.tensor) return false;
  const bool is_read = torch.table != nullptr ? read_by_table(object, view) : read_by_methods(object, view);
  return is_read && (view.data != nullptr || view.size() == 0);
}

PyObject* tensor_item(PyObject* dict, PyObject* tensor) {
#if PY_VERSION_HEX < 0x030F0000 && !defined(Py_LIMITED_API)
  const auto address = reinterpret_cast<Py_uhash_t>(tensor);
  constexpr Py_uhash_t kModulus = (Py_uhash_t{1} << 61) - 1;  // of the hash of a whole number, which id() is
  if (torch.is_hashed_by_id && address < kModulus &&
      (Py_TYPE(tensor) == torch.parameter || Py_TYPE(tensor) == torch.tensor)) {
    PyObject* const item = _PyDict_GetItem_KnownHash(dict, tensor, static_cast<Py_hash_t>(address));
    if (item == nullptr && PyErr_Occurred() != nullptr) nb::raise_python_error();
    return item;
  }
#endif
  PyObject* const item = PyDict_GetItemWithError(dict, tensor);
  if (item == nullptr && PyErr_Occurred() != nullptr) nb::raise_python_error();
  return item;
}

void bind_tensors(nb::module_& m) {
  m.def(
      "use_torch",
      [](nb::handle tensor, nb::handle parameter, nb::handle float32, nb::handle float64, nb::handle bfloat16,
         bool by_methods) {
        torch.tensor = reinterpret_cast<PyTypeObject*>(tensor.inc_ref().ptr());
        torch.parameter = reinterpret_cast<PyTypeObject*>(parameter.inc_ref().ptr());
        torch.float32 = float32.inc_ref().ptr();
        torch.float64 = float64.inc_ref().ptr();
        torch.bfloat16 = bfloat16.inc_ref().ptr();
        torch.table = nullptr;
        const nb::object sample = tensor();
        torch.is_hashed_by_id =
            PyObject_Hash(sample.ptr()) == static_cast<Py_hash_t>(reinterpret_cast<Py_uhash_t>(sample.ptr()));
        PyErr_Clear();
        const char* const name = "__dlpack_c_exchange_api__";
        if (by_methods || !nb::hasattr(tensor, name)) return false;
        const nb::object capsule = nb::getattr(tensor, name);
        const auto* table =
            static_cast<const ExchangeTable*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
        if (table == nullptr) PyErr_Clear();
        for (; table != nullptr && table->major != 1; table = table->previous) {
        }
        if (table != nullptr && table->tensor_from_py_object != nullptr) torch.table = table;
        return torch.table != nullptr;
      },
      nb::arg("tensor"), nb::arg("parameter"), nb::arg("float32"), nb::arg("float64"), nb::arg("bfloat16"),
      nb::arg("by_methods") = false,
      "Tells the steppers what a torch tensor is. True: its C table is used; by_methods: never.");
}

}  // namespace normdescent::python
